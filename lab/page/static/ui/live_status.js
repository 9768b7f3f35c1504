// @ts-check
import { byId } from "./dom.js";

/**
 * Say whether the page is live.
 *
 * @param {"on" | "away"} kind
 * @param {string} text
 */
export function showConnection(kind, text) {
  const place = byId("live");
  place.className = `live ${kind}`;
  // A screen reader reads a status whenever it is set. So it is not set to the same text again.
  if (place.textContent !== text) place.textContent = text;
}
