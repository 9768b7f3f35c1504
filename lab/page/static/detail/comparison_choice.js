// @ts-check
import { byId, el } from "../ui/dom.js";
import { choose, selection } from "./selection.js";

/** The request that the user has chosen as A, until the user chooses B. @type {string | null} */
let first = null;

/**
 * Choose a request for a comparison, or undo its choice. If another request is open, the open request
 * becomes A, and `id` becomes B. If two other requests are compared, their B becomes A, and `id` becomes B.
 * If `id` is one of two compared requests, only the other request stays open.
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

/** @returns {{trace: string | null, a: string | null, b: string | null}} the open request, and the requests that are marked A and B */
export function marked() {
  const { trace, compare } = selection();
  if (compare || first !== trace) first = null;
  return { trace, a: compare ? trace : first, b: compare };
}

/**
 * While only A is chosen, tell the user how to choose B. Screen readers read the text, because it is in a
 * live region.
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

/** Undo the choice of A. */
export function cancelComparison() {
  first = null;
}
