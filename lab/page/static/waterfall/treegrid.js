// @ts-check
import { el, setProperties } from "../ui/dom.js";
import { addKeys, setTabStop } from "../ui/keys.js";
import { glyph, placeOf, whereOf } from "../ui/places.js";
import { problemLink } from "../ui/problem_link.js";

/** @typedef {import("../collector/api.js").Span} Span */

/**
 * Make a tree of rows with arrow keys: up and down, left to the parent, right to the first child.
 *
 * @param {string} label
 * @param {string} kind a class
 * @param {HTMLElement[]} heads
 * @param {HTMLElement[]} rows
 * @param {(spanId: string) => void} choose
 * @returns {HTMLElement}
 */
export function treegrid(label, kind, heads, rows, choose) {
  const head = el("div", { role: "row", class: "span head" }, ...heads);
  const grid = el("div", { role: "treegrid", class: `waterfall ${kind}`, "aria-label": label },
    el("div", { role: "rowgroup" }, head), el("div", { role: "rowgroup" }, ...rows));
  setTabStop(grid, rows[0]);
  addKeys(grid, {
    choose: (row) => choose(/** @type {string} */ (row.dataset.span)),
    right: (row, all) => {
      const next = all[all.indexOf(row) + 1];
      return next && levelOf(next) > levelOf(row) ? next : null;
    },
    left: (row, all) => all.slice(0, all.indexOf(row)).findLast((it) => levelOf(it) < levelOf(row)),
  });
  return grid;
}

/** @param {HTMLElement} row */
function levelOf(row) {
  return Number(row.getAttribute("aria-level"));
}

/** @param {string} text @param {string} [kind] */
export function columnHead(text, kind = "") {
  return el("div", { role: "columnheader", class: kind }, text);
}

/**
 * @param {Span} span
 * @param {number} depth
 * @param {string} [other] the id of the second span that the row shows
 * @param {...HTMLElement} cells the cells after those of the stage and its place
 */
export function spanRow(span, depth, other, ...cells) {
  const name = span.name !== span.stage && el("span", { class: "name" }, span.name);
  const row = el("div", {
    role: "row", class: "span", tabindex: "-1", "aria-level": depth + 1, "aria-selected": "false",
    "data-span": span.id, "data-other": other,
  },
  el("div", { role: "gridcell", class: "label", title: `${span.stage} · ${span.name}` },
    glyph(placeOf(span)), el("span", { class: "word" }, span.stage),
    ...failure(span), name),
  el("div", { role: "gridcell", class: "where" }, whereOf(span)),
  ...cells);
  return setProperties(row, { depth });
}

/** @param {Span} span @returns {(HTMLElement | false)[]} the type of the exception, and the problem's code */
function failure({ error, attributes, problem }) {
  if (!error) return [];
  const type = attributes["error.type"];
  return [
    el("span", { class: "error" }, typeof type === "string" ? `failed: ${type}` : "failed"),
    problem !== null && problemLink(problem),
  ];
}

/** @param {HTMLElement} grid @param {string | null} spanId */
export function markSpan(grid, spanId) {
  for (const row of grid.querySelectorAll("[data-span]")) {
    const { span, other } = /** @type {HTMLElement} */ (row).dataset;
    row.setAttribute("aria-selected", String(spanId !== null && (span === spanId || other === spanId)));
  }
}
