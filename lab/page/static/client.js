// @ts-check
import { largestGap, tree } from "./outline.js";
import { timingOf } from "./sending.js";

/** @typedef {import("./api.js").Trace} Trace @typedef {import("./api.js").Span} Span */

/**
 * If this page sent the request, add the stages that this browser measured to the request's trace.
 * The browser's stages are not sent to the collector. (`lab trace` sends its own stages.)
 *
 * @param {Trace} trace
 * @returns {Trace} unchanged if this browser did not send the request
 */
export function withClient(trace) {
  const timing = timingOf(trace.request_id);
  const wait = timing?.parts.find((part) => part.stage === "wait");
  if (!timing || !wait || trace.processes.includes("client")) return trace;
  // The clocks of browser and server differ. So the server's spans are centred in the wait, because
  // both directions of the network take about the same time.
  const shift = wait.start_ms + Math.max(0, (wait.duration_ms - trace.duration_ms) / 2);
  const ids = new Set(trace.spans.map((span) => span.id));
  const spans = [
    span("client", null, { stage: "request", start_ms: 0, duration_ms: timing.duration_ms }, timing.name),
    ...timing.parts.map((part) => span(`client-${part.stage}`, "client", part, part.stage)),
    ...trace.spans.map((it) => ({
      ...it,
      parent_id: it.parent_id && ids.has(it.parent_id) ? it.parent_id : "client-wait",
      start_ms: it.start_ms + shift,
    })),
  ];
  return {
    ...trace,
    spans,
    duration_ms: timing.duration_ms,
    processes: ["client", ...trace.processes],
    stages: trace.stages + timing.parts.length + 1,
    unnamed_ms: largestGap(tree(spans)).duration_ms,
  };
}

/**
 * @param {string} id
 * @param {string | null} parent
 * @param {import("./sending.js").Part} part
 * @param {string} name
 * @returns {Span}
 */
function span(id, parent, part, name) {
  return { id, parent_id: parent, process: "client", name, error: false, attributes: {}, code: null, ...part };
}
