// @ts-check
import { byId } from "./dom.js";

/**
 * Show whether the page receives events from the collector.
 *
 * @param {"on" | "away"} kind
 * @param {string} text
 */
export function showConnection(kind, text) {
  const place = byId("live");
  place.className = `live ${kind}`;
  // A screen reader reads the status each time it is set, so the same text is not set again.
  if (place.textContent !== text) place.textContent = text;
}
