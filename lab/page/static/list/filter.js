// @ts-check

/**
 * The filter of the list is in the page's address, with the same names as in the collector's API. So
 * a link to a filtered list can be shared, and a reload keeps the filter.
 *
 * @typedef {import("../collector/api.js").Filter} Filter
 */

const NAMES = ["path", "route", "method", "status", "min_ms", "user", "id", "background"];

/** @param {Iterable<[string, string]>} entries of a form or of an address @returns {Filter} */
export function filterOf(entries) {
  const values = new Map(entries);
  return Object.fromEntries(NAMES.map((name) => [name, (values.get(name) ?? "").trim()]).filter(([, value]) => value));
}

/** @param {Filter} filter @returns {string} the query of an address, empty if nothing is set */
export function queryOf(filter) {
  const parameters = new URLSearchParams(filter);
  return parameters.size > 0 ? `?${parameters}` : "";
}

/** @param {Filter} filter @returns {boolean} whether the collector must decide which requests match */
export function isNarrow(filter) {
  return Object.keys(filter).some((name) => name !== "background");
}
