// @ts-check
import { byId, el } from "../ui/dom.js";
import { choose, selection } from "./selection.js";

/** The request chosen as A, while B is missing. @type {string | null} */
let first = null;

/**
 * Choose a request for a comparison, or take back its choice. If another request is open, the open
 * request becomes A, and `id` becomes B. If two other requests are compared, B becomes A.
 *
 * @param {string} id
 */
export function chooseForComparison(id) {
  const { trace, compare } = selection();
  /** @type {{trace: string | null, compare: string | null}} */
  let next = { trace: id, compare: null };
  if (compare && (id === trace || id === compare)) next = { trace: id === trace ? compare : trace, compare: null };
  else if (trace && id !== trace) next = { trace: compare ?? trace, compare: id };
  first = next.compare || first === id ? null : next.trace;
  choose({ ...next, stage: null });
}

/** @returns {{trace: string | null, a: string | null, b: string | null}} the open request, and the two that are compared */
export function marked() {
  const { trace, compare } = selection();
  if (compare || first !== trace) first = null;
  return { trace, a: compare ? trace : first, b: compare };
}

/**
 * Say that the second request is missing. The place is a live region, which screen readers read.
 *
 * @param {() => void} cancel
 */
export function showNextStep(cancel) {
  const place = byId("second");
  if ((first !== null) === (place.childElementCount > 0)) return;
  place.replaceChildren(...(first === null ? [] : [
    el("span", { class: "letter a" }, "A"),
    el("span", {}, "is chosen. Now choose the second request: press Compare in its row."),
    el("button", { class: "quiet", onclick: cancel }, "Cancel"),
  ]));
}

/** Choose no second request. */
export function cancelComparison() {
  first = null;
}
