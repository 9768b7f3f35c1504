// @ts-check
import { el } from "./dom.js";

/** @typedef {"client" | "load-balancer" | "app" | "database" | "redis"} Place */

/** The stages that run in another process, but are measured by the app. @type {Record<string, Place>} */
const MEASURED_BY_APP = { sql: "database", commit: "database", rollback: "database", redis: "redis" };

/** The places, in the order in which a request reaches them. @type {Place[]} */
export const PLACES = ["client", "load-balancer", "app", "redis", "database"];

/**
 * Return the place in which a span spends its time. Each place has its own colour and shape.
 *
 * @param {{process: string, stage: string}} span
 * @returns {Place}
 */
export function placeOf(span) {
  const process = PLACES.find((place) => span.process.startsWith(place));
  return MEASURED_BY_APP[span.stage] ?? process ?? "app";
}

/** @param {{process: string, stage: string}} span @returns {string} the label of the place */
export function whereOf(span) {
  return MEASURED_BY_APP[span.stage] ?? span.process.replace("-balancer", " balancer");
}

/** @param {string} place @returns {HTMLElement} the place's shape, a decoration next to the label */
export function glyph(place) {
  return el("span", { class: `glyph ${place}`, "aria-hidden": "true" });
}
