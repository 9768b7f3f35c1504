// @ts-check
import { el } from "./dom.js";

/** @typedef {"client" | "load-balancer" | "app" | "database" | "redis"} Place */

/** What happens elsewhere and is seen from the app. @type {Record<string, Place>} */
const ELSEWHERE = { sql: "database", commit: "database", rollback: "database", redis: "redis" };

/** In the order in which a request meets them. @type {Place[]} */
export const PLACES = ["client", "load-balancer", "app", "redis", "database"];

/**
 * Where the time of a span goes; each place has its colour and its shape.
 *
 * @param {{process: string, stage: string}} span
 * @returns {Place}
 */
export function placeOf(span) {
  const process = PLACES.find((place) => span.process.startsWith(place));
  return ELSEWHERE[span.stage] ?? process ?? "app";
}

/** @param {{process: string, stage: string}} span @returns {string} for people */
export function whereOf(span) {
  return ELSEWHERE[span.stage] ?? span.process.replace("-balancer", " balancer");
}

/** @param {string} place @returns {HTMLElement} the shape that stands for it; decoration, beside its name */
export function glyph(place) {
  return el("span", { class: `glyph ${place}`, "aria-hidden": "true" });
}
