// @ts-check
import { tree, unnamed } from "./outline.js";
import { timingOf } from "./sending.js";

/** @typedef {import("./api.js").Trace} Trace @typedef {import("./api.js").Span} Span */

/**
 * Put what this browser has measured around what the service has told, for requests of this page.
 * The collector never hears of it; a client that should be in every trace is `lab trace`.
 *
 * @param {Trace} trace
 * @returns {Trace} the same, when the browser knows nothing of it
 */
export function withClient(trace) {
  const timing = timingOf(trace.request_id);
  const wait = timing?.parts.find((part) => part.stage === "wait");
  if (!timing || !wait || trace.processes.includes("client")) return trace;
  // Two clocks: the server's part lies in the middle of the wait, as the way there and the way
  // back take about the same time.
  const shift = wait.start_ms + Math.max(0, (wait.duration_ms - trace.duration_ms) / 2);
  const known = new Set(trace.spans.map((span) => span.id));
  const spans = [
    span("client", null, { stage: "request", start_ms: 0, duration_ms: timing.duration_ms }, timing.name),
    ...timing.parts.map((part) => span(`client-${part.stage}`, "client", part, part.stage)),
    ...trace.spans.map((it) => ({
      ...it,
      parent_id: it.parent_id && known.has(it.parent_id) ? it.parent_id : "client-wait",
      start_ms: it.start_ms + shift,
    })),
  ];
  return {
    ...trace,
    spans,
    duration_ms: timing.duration_ms,
    processes: ["client", ...trace.processes],
    stages: trace.stages + timing.parts.length + 1,
    unnamed_ms: unnamed(tree(spans)).duration_ms,
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
