// @ts-check

/**
 * The ids of a request's trace, and of the client's spans `request` (the root) and `wait` (W3C Trace Context).
 *
 * @typedef {{traceId: string, rootId: string, waitId: string}} Context
 *
 * The times that this browser measured, in ms: `start_ms` since the epoch.
 * @typedef {{stage: string, start_ms: number, duration_ms: number}} Part
 * @typedef {{method: string, url: string, status: number, parts: Part[]}} Measured
 */

/** The values of these parameters are sent. The values of other parameters can be secrets. */
const SHOWN_PARAMETERS = new Set(["limit", "cursor", "status"]);
const KIND_INTERNAL = 1;
const KIND_CLIENT = 3;
const STATUS_ERROR = 2;

/** @returns {Context} */
export function newContext() {
  return { traceId: randomHex(16), rootId: randomHex(8), waitId: randomHex(8) };
}

/** @param {Context} context @returns {string} a header that makes `wait` the parent of the server's spans */
export function traceparent({ traceId, waitId }) {
  return `00-${traceId}-${waitId}-01`;
}

/**
 * Return the spans of the browser as a request to a collector (OTLP, JSON). These spans have the same form
 * as those of `lab trace`.
 *
 * @param {Context} context
 * @param {Measured} measured
 */
export function exportRequest(context, { method, url, status, parts }) {
  const { rootId, waitId } = context;
  const start = parts[0].start_ms;
  const end = Math.max(...parts.map((part) => part.start_ms + part.duration_ms));
  const request = { stage: "request", start_ms: start, duration_ms: end - start };
  const attributes = [
    attribute("http.request.method", method), attribute("url.full", withoutValues(url)),
    attribute("url.path", new URL(url).pathname), attribute("http.response.status_code", status),
  ];
  const root = {
    ...span(context, rootId, null, request, attributes), kind: KIND_CLIENT,
    ...(status >= 400 ? { status: { code: STATUS_ERROR } } : {}),
  };
  const children = parts.map((part) => span(context, part.stage === "wait" ? waitId : randomHex(8), rootId, part, []));
  const resource = { attributes: [attribute("service.name", "client")] };
  return { resourceSpans: [{ resource, scopeSpans: [{ spans: [root, ...children] }] }] };
}

/**
 * @param {Context} context
 * @param {string} id
 * @param {string | null} parent
 * @param {Part} part
 * @param {object[]} more attributes
 */
function span({ traceId }, id, parent, part, more) {
  return {
    traceId, spanId: id, ...(parent && { parentSpanId: parent }), name: part.stage, kind: KIND_INTERNAL,
    startTimeUnixNano: nanoseconds(part.start_ms), endTimeUnixNano: nanoseconds(part.start_ms + part.duration_ms),
    attributes: [attribute("roundtrip.stage", part.stage), ...more],
  };
}

/** @param {string} key @param {string | number} value */
function attribute(key, value) {
  return { key, value: typeof value === "number" ? { intValue: value } : { stringValue: value } };
}

/** @param {number} ms @returns {string} as text, because nanoseconds since the epoch exceed JavaScript's safe integers */
function nanoseconds(ms) {
  return `${BigInt(Math.round(ms * 1000)) * 1000n}`;
}

/** @param {string} url */
function withoutValues(url) {
  const { origin, pathname, searchParams } = new URL(url);
  const shown = [...searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${SHOWN_PARAMETERS.has(name) ? encodeURIComponent(value) : "…"}`);
  return `${origin}${pathname}${shown.length > 0 ? `?${shown.join("&")}` : ""}`;
}

/** @param {number} bytes */
function randomHex(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((it) => it.toString(16).padStart(2, "0")).join("");
}
