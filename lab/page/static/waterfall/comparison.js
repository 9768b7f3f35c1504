// @ts-check
import { el } from "../ui/dom.js";
import { difference, duration, share } from "../ui/format.js";
import { lengthOf, tree } from "../trace/outline.js";
import { pairs } from "../trace/pairs.js";
import { call } from "../ui/summary_parts.js";
import { Scale } from "./scale.js";
import { columnHead, spanRow, treegrid } from "./treegrid.js";
import { facts } from "./waterfall.js";

/** @typedef {import("../collector/api.js").Trace} Trace @typedef {import("../trace/pairs.js").Pair} Pair */

/** A difference larger than this fraction of the longer request is highlighted. */
const MIN_HIGHLIGHTED_FRACTION = 0.05;

/**
 * Show two requests on one time axis. In the row of each stage, A's bar is above B's bar.
 *
 * @param {Trace} a
 * @param {Trace} b
 * @param {object} handlers
 * @param {(spanId: string) => void} handlers.choose
 * @param {() => void} handlers.close closes B
 * @returns {HTMLElement[]}
 */
export function comparison(a, b, { choose, close }) {
  const scale = new Scale(Math.max(lengthOf(tree(a.spans)), lengthOf(tree(b.spans))));
  const rows = pairs(a.spans, b.spans).map((pair) => pairRow(pair, scale));
  const heads = [columnHead("Stage"), columnHead("Where", "where"), scale.head(),
    columnHead("A", "took a"), columnHead("B", "took b"), columnHead("B − A", "took")];
  return [
    el("div", { class: "bar-head" },
      el("h2", { id: "chosen-title", tabindex: "-1" }, "Two requests, side by side"),
      el("p", { class: "actions" }, el("button", { class: "quiet", onclick: close }, "Show A alone"))),
    el("div", { class: "sides" }, side("A", a), side("B", b)),
    el("p", { class: "verdict" }, verdict(a, b)),
    treegrid("Stages of both requests", "two", heads, rows, choose),
  ];
}

/** @param {string} letter @param {Trace} trace */
function side(letter, trace) {
  const kind = letter.toLowerCase();
  return el("div", { class: `side ${kind}` },
    el("h3", {}, el("span", { class: `letter ${kind}` }, letter), " ", ...call(trace)), facts(trace));
}

/** @param {Trace} a @param {Trace} b @returns {string} */
function verdict({ duration_ms: a }, { duration_ms: b }) {
  const size = Math.abs(b - a);
  if (size < 0.005) return "Both took the same time.";
  return `B took ${duration(size)} ${b < a ? "less" : "more"} than A (${b < a ? "−" : "+"}${share(size, a)}).`;
}

/** @param {Pair} pair @param {Scale} scale */
function pairRow({ a, b, depth }, scale) {
  const shown = /** @type {import("../trace/outline.js").Branch} */ (a ?? b);
  const other = a && b ? b.span.id : undefined;
  return spanRow(shown.span, depth, other,
    scale.track(a && scale.bar(a, "a"), b && scale.bar(b, "b")),
    took("A", a), took("B", b), delta(a, b, scale.length));
}

/** @param {string} letter @param {Pair["a"]} branch */
function took(letter, branch) {
  return el("div", { role: "gridcell", class: "took" },
    el("span", { class: "narrow", "aria-hidden": "true" }, `${letter} `),
    branch ? duration(branch.span.duration_ms) : el("span", { class: "soft" }, "none"));
}

/** @param {Pair["a"]} a @param {Pair["b"]} b @param {number} length */
function delta(a, b, length) {
  const cell = el("div", { role: "gridcell", class: "took delta" });
  if (!a || !b) {
    cell.append(el("span", { class: "only" }, a ? "only A" : "only B"));
    return cell;
  }
  const ms = b.span.duration_ms - a.span.duration_ms;
  cell.textContent = difference(ms);
  if (Math.abs(ms) > MIN_HIGHLIGHTED_FRACTION * length) cell.classList.add(ms > 0 ? "slower" : "faster");
  return cell;
}
