// @ts-check
import { criticalPath, isJob, largestParts } from "../trace/critical_path.js";
import { el } from "../ui/dom.js";
import { exchange } from "../exchange/exchange.js";
import { clock, duration, share } from "../ui/format.js";
import { endOf, largestGap, lengthOf, ownTime, rows, tree } from "../trace/outline.js";
import { glyph, PLACES, placeOf, whereOf } from "../ui/places.js";
import { failedStage, isFailure } from "../trace/problem.js";
import { problemLink } from "../ui/problem_link.js";
import { call, status } from "../ui/summary_parts.js";
import { retry } from "../exchange/retry.js";
import { Scale } from "./scale.js";
import { columnHead, spanRow, treegrid } from "./treegrid.js";

/** @typedef {import("../collector/api.js").Trace} Trace @typedef {import("../trace/outline.js").Branch} Branch */

/**
 * Show one request, stage by stage.
 *
 * @param {Trace} trace
 * @param {object} handlers
 * @param {(spanId: string) => void} handlers.choose
 * @param {HTMLElement} handlers.previous the button that compares with the previous request
 * @param {() => void} handlers.close
 * @returns {HTMLElement[]}
 */
export function waterfall(trace, { choose, previous, close }) {
  const roots = tree(trace.spans);
  const scale = new Scale(lengthOf(roots), ranLater(roots) ? endOf(roots[0].span) : undefined);
  const gap = largestGap(roots);
  const path = criticalPath(roots);
  const stages = rows(roots).map((node) => {
    const sections = path.filter((section) => section.id === node.span.id);
    return spanRow(node.span, node.depth, undefined,
      scale.track(scale.bar(node), node === roots[0] && gap.duration_ms > 0 ? scale.gap(gap) : null,
        ...sections.map((section) => scale.critical(section))),
      el("div", { role: "gridcell", class: "took" }, duration(node.span.duration_ms)));
  });
  const heads = [columnHead("Stage"), columnHead("Where", "where"), scale.head(), columnHead("Duration", "took")];
  return [
    el("div", { class: "bar-head" },
      el("h2", { id: "chosen-title", tabindex: "-1" }, ...call(trace)),
      el("p", { class: "actions" },
        previous, el("button", { class: "quiet", onclick: close }, "Close"))),
    facts(trace),
    ...(isFailure(trace) ? [el("p", { class: "retry" }, el("strong", {}, "What to do: "), retry(trace))] : []),
    treegrid("Stages of this request", "one", heads, stages, choose),
    legend(rows(roots)),
    path.length > 0 && el("p", { class: "untraced" }, el("span", { class: "critical-key", "aria-hidden": "true" }), ...pathText(path, roots)),
    el("p", { class: "untraced" }, ...gapText(trace, gap)),
    ranLater(roots) && el("p", { class: "untraced" }, laterText(scale)),
    ...exchange(trace),
  ].filter((part) => part !== false);
}

/** @param {Trace} trace @returns {HTMLElement} the summary of a request in one line */
export function facts(trace) {
  return el("p", { class: "facts" },
    status(trace.status), problem(trace), el("strong", {}, duration(trace.duration_ms)),
    trace.cache && el("span", {}, "cache ", el("span", { class: `outcome ${trace.cache}` }, trace.cache)),
    el("span", {}, `${trace.stages} stages`), el("span", {}, `at ${clock(trace.started_at)}`),
    trace.request_id && el("span", {}, "request id ", el("code", {}, trace.request_id)));
}

/** @param {Trace} trace @returns {HTMLElement | null} */
function problem(trace) {
  const code = failedStage(trace)?.problem;
  return code ? problemLink(code) : null;
}

/** @param {Branch[]} roots @returns {boolean} whether a job ended after the response */
function ranLater(roots) {
  return rows(roots).some(({ span }) => isJob(span) && endOf(span) > endOf(roots[0].span));
}

/** @param {Scale} scale */
function laterText({ hasTwoScales, length, end }) {
  const text = "The dashed line is the end of the response. The time to its right is not part of the request's duration, but “Time spent in” includes it.";
  return hasTwoScales ? `${text} That part of the axis has a smaller scale: it shows ${duration(length - end)}.` : text;
}

/** @param {import("../trace/critical_path.js").Section[]} path @param {Branch[]} roots */
function pathText(path, roots) {
  const parts = largestParts(path, roots, 3).map(({ stage, duration_ms: time }) => `${stage} ${duration(time)}`);
  return ["Largest parts of the critical path: ", el("strong", {}, parts.join(", ")), ". A line below a bar marks the path."];
}

/**
 * Explain the colour of each place, and show the sum of the self times of the stages in this place.
 *
 * @param {Branch[]} all
 */
function legend(all) {
  const shown = PLACES.filter((place) => all.some(({ span }) => placeOf(span) === place)).map((place) => {
    const nodes = all.filter(({ span }) => placeOf(span) === place);
    const own = nodes.reduce((sum, node) => sum + ownTime(node), 0);
    const names = new Set(nodes.map(({ span }) => whereOf(span)));
    return el("li", {}, glyph(place), `${[...names].join(", ")} `, el("span", { class: "soft" }, duration(own)));
  });
  return el("div", { class: "legend" }, el("span", { class: "soft" }, "Time spent in:"), el("ul", {}, ...shown));
}

/** @param {Trace} trace @param {{start_ms: number}} gap */
function gapText(trace, gap) {
  if (trace.untraced_ms <= 0) return ["No untraced gap."];
  const part = `${duration(trace.untraced_ms)}, ${share(trace.untraced_ms, trace.duration_ms)} of the request`;
  return ["Largest untraced gap: ", el("strong", {}, part),
    `, starting at ${duration(gap.start_ms)}. Diagonal lines mark it in the first row.`];
}
