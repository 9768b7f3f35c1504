// @ts-check

/**
 * The times that this browser measured for a request of this page, in ms from the request's start.
 *
 * @typedef {{stage: string, start_ms: number, duration_ms: number}} Part
 * @typedef {{name: string, duration_ms: number, parts: Part[]}} Timing
 */

/**
 * Timings by request id. Only the last are kept, because a page may stay open for days.
 *
 * @type {Map<string, Timing>}
 */
const timings = new Map();
const MAX_TIMINGS = 100;

/**
 * Send a request to the service as any client does, and measure it.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [token] an access token
 * @returns {Promise<{status: number, body: any, requestId: string | null}>}
 */
export async function send(method, path, body, token) {
  const startedAt = performance.now();
  const response = await fetch(path, {
    method,
    credentials: "omit",
    // Otherwise the browser's own cache could respond instead of the service.
    cache: "no-store",
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const parsed = await response.json().catch(() => null);
  const requestId = response.headers.get("X-Request-ID");
  if (requestId) await saveTiming(requestId, `${method} ${path}`, path, startedAt);
  return { status: response.status, body: parsed, requestId };
}

/** @param {string | null} requestId @returns {Timing | undefined} */
export function timingOf(requestId) {
  return requestId ? timings.get(requestId) : undefined;
}

/**
 * @param {string} requestId
 * @param {string} name
 * @param {string} path
 * @param {number} startedAt
 */
async function saveTiming(requestId, name, path, startedAt) {
  // The browser records the timing in a separate task, after the last byte.
  await new Promise((resolve) => setTimeout(resolve));
  const entries = performance.getEntriesByName(new URL(path, location.href).href, "resource");
  const entry = /** @type {PerformanceResourceTiming[]} */ (entries).findLast((it) => it.startTime >= startedAt);
  performance.clearResourceTimings();
  if (!entry) return;
  const stages = parts(entry);
  if (stages.length === 0) return;
  const duration = entry.responseEnd - entry.startTime - stages[0].start_ms;
  timings.set(requestId, { name, duration_ms: duration, parts: stages.map(since(stages[0].start_ms)) });
  if (timings.size > MAX_TIMINGS) timings.delete(/** @type {string} */ (timings.keys().next().value));
}

/**
 * Make times relative to the first step on the network. Before it, the browser may wait for one of
 * its own processes, for example. This is not part of the request.
 *
 * @param {number} begin
 * @returns {(part: Part) => Part}
 */
function since(begin) {
  return (part) => ({ ...part, start_ms: part.start_ms - begin });
}

/** @param {PerformanceResourceTiming} entry @returns {Part[]} the stages that took measurable time */
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
