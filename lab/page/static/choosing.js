// @ts-check
import { byId, el } from "./dom.js";
import { chooseToCompare, selection } from "./selection.js";

/** The first of two requests, while the user has not chosen the second one. @type {string | null} */
let first = null;

/** Take a request for a comparison, as A or as B. @param {string} id */
export function chooseForComparison(id) {
  const wasFirst = first === id;
  chooseToCompare(id);
  const { trace, compare } = selection();
  first = compare || wasFirst ? null : trace;
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
