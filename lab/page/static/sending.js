// @ts-check

/**
 * What this browser has measured of a request of its own, in ms from the request's beginning.
 *
 * @typedef {{stage: string, start_ms: number, duration_ms: number}} Part
 * @typedef {{name: string, duration_ms: number, parts: Part[]}} Timing
 */

/** By request id. Bounded: a page may stay open for days. @type {Map<string, Timing>} */
const measured = new Map();
const MEASURED = 100;

/**
 * Send a request to the service as any client would, and measure it.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<{status: number, body: any, requestId: string | null}>}
 */
export async function send(method, path, body) {
  const begun = performance.now();
  const response = await fetch(path, {
    method,
    credentials: "omit",
    // The browser's own cache would answer in the service's place.
    cache: "no-store",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  const requestId = response.headers.get("X-Request-ID");
  if (requestId) await remember(requestId, `${method} ${path}`, path, begun);
  return { status: response.status, body: answer, requestId };
}

/** @param {string | null} requestId @returns {Timing | undefined} */
export function timingOf(requestId) {
  return requestId ? measured.get(requestId) : undefined;
}

/**
 * @param {string} requestId
 * @param {string} name
 * @param {string} path
 * @param {number} begun
 */
async function remember(requestId, name, path, begun) {
  // The browser notes the timing in a task of its own, after the last byte.
  await new Promise((resolve) => setTimeout(resolve));
  const entries = performance.getEntriesByName(new URL(path, location.href).href, "resource");
  const entry = /** @type {PerformanceResourceTiming[]} */ (entries).findLast((it) => it.startTime >= begun);
  performance.clearResourceTimings();
  if (!entry) return;
  const stages = parts(entry);
  if (stages.length === 0) return;
  const duration = entry.responseEnd - entry.startTime - stages[0].start_ms;
  measured.set(requestId, { name, duration_ms: duration, parts: stages.map(since(stages[0].start_ms)) });
  if (measured.size > MEASURED) measured.delete(/** @type {string} */ (measured.keys().next().value));
}

/**
 * A request begins with its first step on the network. What the browser does before, such as waiting
 * for a process of its own, is no part of it.
 *
 * @param {number} begin
 * @returns {(part: Part) => Part}
 */
function since(begin) {
  return (part) => ({ ...part, start_ms: part.start_ms - begin });
}

/** @param {PerformanceResourceTiming} entry @returns {Part[]} those that took place */
function parts(entry) {
  const tls = entry.secureConnectionStart;
  /** @type {[string, number, number][]} */
  const stages = [
    ["dns", entry.domainLookupStart, entry.domainLookupEnd],
    ["connect", entry.connectStart, tls || entry.connectEnd],
    ["tls", tls, tls && entry.connectEnd],
    ["wait", entry.requestStart, entry.responseStart],
    ["receive", entry.responseStart, entry.responseEnd],
  ];
  return stages
    .filter(([, from, to]) => to > from)
    .map(([stage, from, to]) => ({ stage, start_ms: from - entry.startTime, duration_ms: to - from }));
}
