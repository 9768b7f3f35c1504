// @ts-check
import { el } from "../ui/dom.js";
import { clock, duration } from "../ui/format.js";
import { glyph, placeOf, whereOf } from "../ui/places.js";
import { cache, status } from "../ui/summary_parts.js";

/** @typedef {import("../collector/api.js").Entry} Entry */

/** The column headers of the list. */
export const COLUMNS = ["Time", "Request", "Status", "Duration", "Cache", "Processes", "Compare"];

/**
 * Make one row of the list.
 *
 * @param {Entry} entry
 * @param {string | null} slowness why the request counts as slow, or null
 * @param {(id: string) => void} compare
 * @returns {HTMLElement}
 */
export function requestRow(entry, slowness, compare) {
  const id = entry.trace_id;
  return el("div", { role: "row", class: "request", tabindex: "-1", "data-trace": id },
    cell("time", clock(entry.started_at)),
    cell("call", el("span", { class: "letter", hidden: true }), ...concreteCall(entry)),
    cell("answered", status(entry.status)),
    cell("took", slowness && el("span", { class: "slow", title: slowness }, "slow"), duration(entry.duration_ms)),
    cell("cache", cache(entry.cache)),
    cell("through", ...entry.processes.map(process)),
    cell("pair", el("button", {
      class: "quiet", tabindex: "-1", "aria-pressed": "false",
      "aria-label": `Compare ${entry.method ?? ""} ${entry.path ?? ""} of ${clock(entry.started_at)}`,
      onclick: () => compare(id),
    }, "Compare")),
  );
}

/**
 * Mark a row as selected, and with the letter that its request has in a comparison.
 *
 * @param {Element} row
 * @param {"A" | "B" | null} letter
 * @param {boolean} selected whether the request is open or compared
 */
export function markRow(row, letter, selected) {
  row.setAttribute("aria-selected", String(selected));
  row.classList.toggle("is-a", letter === "A");
  row.classList.toggle("is-b", letter === "B");
  const badge = /** @type {HTMLElement} */ (row.querySelector(".letter"));
  badge.hidden = letter === null;
  badge.textContent = letter;
  row.querySelector("button")?.setAttribute("aria-pressed", String(letter !== null));
}

/** @param {string} name @param {...(Node | string | null)} content */
function cell(name, ...content) {
  return el("div", { role: "gridcell", class: name }, ...content);
}

/** @param {Entry} entry @returns {(Node | null)[]} method and path, and the route if it differs from the path */
function concreteCall({ method, route, path }) {
  const place = path === "REDACTED" ? null : path;
  const shown = place ?? route ?? "no route";
  return [
    el("span", { class: "method" }, method ?? "?"),
    el("span", { class: place ?? route ? "route" : "soft", title: shown }, ` ${shown}`),
    route && route !== shown ? el("span", { class: "pattern", title: route }, route) : null,
  ];
}

/** @param {string} process */
function process(process) {
  const at = { process, stage: "" };
  return el("span", { class: "process", title: whereOf(at) }, glyph(placeOf(at)), el("span", {}, whereOf(at)));
}
