// @ts-check

/** @typedef {import("../collector/api.js").Trace} Trace @typedef {[string, string][]} Headers in the order of their names */

/** What the collector shows instead of a secret. */
export const REDACTED = "[redacted]";

/**
 * Return the headers of the request and of the response, which are in the load balancer's span.
 *
 * @param {Trace} trace
 * @returns {{request: Headers, response: Headers}} names in lower case
 */
export function headersOf(trace) {
  const balancers = trace.spans.filter((span) => span.stage === "load-balancer");
  // If the load balancer answers itself, the response's headers are in its second span.
  const attributes = Object.assign({}, ...balancers.map((span) => span.attributes));
  return { request: named("http.request.header.", attributes), response: named("http.response.header.", attributes) };
}

/** @param {string} prefix @param {Record<string, unknown>} attributes @returns {Headers} */
function named(prefix, attributes) {
  return Object.entries(attributes)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => /** @type {[string, string]} */ ([name.slice(prefix.length), String(value)]))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

/** @param {Headers} headers @param {string} name in lower case @returns {string | null} */
export function header(headers, name) {
  return headers.find(([it]) => it === name)?.[1] ?? null;
}
