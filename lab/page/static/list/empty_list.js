// @ts-check
import { el } from "../ui/dom.js";

/**
 * Make the element that replaces an empty list.
 *
 * @param {() => void} send sends an example request
 * @param {() => void} clear clears the filter
 */
export function emptyList(send, clear) {
  const nothing = el("div", {},
    el("p", {}, "No requests to show yet. Send one from here or from a terminal."),
    el("p", { class: "actions" }, el("button", { class: "main", onclick: send }, "Send GET /api/products"), el("code", {}, "make trace")));
  const noMatch = el("div", { hidden: true },
    el("p", {}, "The collector has no request that matches. Change or clear the filter. New matches appear here."),
    el("p", { class: "actions" }, el("button", { class: "main", onclick: clear }, "Show all requests")));
  return {
    element: el("div", { class: "empty" }, nothing, noMatch),
    /** @param {boolean} isFiltered */
    explain: (isFiltered) => {
      nothing.hidden = isFiltered;
      noMatch.hidden = !isFiltered;
    },
  };
}
