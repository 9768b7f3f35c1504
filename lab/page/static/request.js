// @ts-check
import { el } from "./dom.js";
import { clock, duration } from "./format.js";
import { glyph, placeOf, whereOf } from "./places.js";

/** @typedef {import("./api.js").Summary} Summary */

/** The column headers of the list. */
export const COLUMNS = ["Time", "Request", "Status", "Duration", "Cache", "Processes", "Compare"];

/**
 * Make one row of the list.
 *
 * @param {Summary} summary
 * @param {(id: string) => void} compare
 * @returns {HTMLElement}
 */
export function requestRow(summary, compare) {
  const id = summary.trace_id;
  const row = el("div", { role: "row", class: "request", tabindex: "-1", "data-trace": id },
    cell("time", clock(summary.started_at)),
    cell("call", ...call(summary)),
    cell("answered", status(summary.status)),
    cell("took", duration(summary.duration_ms)),
    cell("cache", cache(summary.cache)),
    cell("through", ...summary.processes.map(process)),
    cell("pair", el("button", {
      class: "quiet", tabindex: "-1", "aria-pressed": "false",
      "aria-label": `Compare ${summary.method ?? ""} ${summary.route ?? summary.path ?? ""} of ${clock(summary.started_at)}`,
      onclick: () => compare(id),
    }, "Compare")),
  );
  return row;
}

/** @param {string} name @param {...(Node | string | null)} content */
function cell(name, ...content) {
  return el("div", { role: "gridcell", class: name }, ...content);
}

/** @param {Summary} summary @returns {Node[]} method and route */
export function call({ method, route, path }) {
  return [
    el("span", { class: "method" }, method ?? "?"),
    el("span", { class: "route", title: path }, ` ${route ?? path ?? "unknown"}`),
  ];
}

/** @param {number | null} code @returns {HTMLElement} */
export function status(code) {
  const kind = code === null ? "none" : `s${Math.floor(code / 100)}`;
  return el("span", { class: `status ${kind}` }, code === null ? "no response" : String(code));
}

/** @param {string | null} outcome @returns {HTMLElement | null} */
export function cache(outcome) {
  if (!outcome) return null;
  return el("span", { class: `outcome ${outcome}` }, el("span", { class: "visually-hidden" }, "cache "), outcome);
}

/** @param {string} process */
function process(process) {
  const at = { process, stage: "" };
  return el("span", { class: "process", title: whereOf(at) }, glyph(placeOf(at)), el("span", {}, whereOf(at)));
}
