// @ts-check
import { exportRequest, newContext, traceparent } from "./client_spans.js";

/** @typedef {import("./client_spans.js").Part} Part */

/** If the system's clock and the page's clock differ by more than this, the computer has slept meanwhile. */
const MAX_CLOCK_DIFFERENCE_MS = 5;

// A full buffer records no more timings, so the page clears it. Clearing the buffer after each request would
// also delete the timings of other requests.
performance.addEventListener("resourcetimingbufferfull", () => performance.clearResourceTimings());

/**
 * Send a request to the service as any client does. Measure the request, and report its stages to the
 * collector.
 *
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [token] an access token
 * @returns {Promise<{status: number, body: any, requestId: string | null}>}
 */
export async function send(method, path, body, token) {
  const context = newContext();
  const url = new URL(path, location.href).href;
  const startedAt = performance.now();
  const response = await fetch(url, {
    method,
    credentials: "omit",
    // The service must respond, and not the browser's own cache.
    cache: "no-store",
    headers: {
      traceparent: traceparent(context),
      // With this value, the service traces the request even after it has reached its trace limit.
      tracestate: "roundtrip=always",
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const parsed = await response.json().catch(() => null);
  const stages = await measured(url, startedAt);
  if (stages.length > 0) report(exportRequest(context, { method, url, status: response.status, parts: stages }));
  return { status: response.status, body: parsed, requestId: response.headers.get("X-Request-ID") };
}

/** Send spans to the collector. If the collector is down, the trace has no stages of the browser. @param {object} spans */
function report(spans) {
  const headers = { "Content-Type": "application/json" };
  fetch("/lab/v1/traces", { method: "POST", headers, body: JSON.stringify(spans), keepalive: true }).catch(() => {});
}

/** @param {string} url @param {number} startedAt @returns {Promise<Part[]>} empty if the browser has no timing */
async function measured(url, startedAt) {
  // The browser records the timing in a separate task, after the last byte.
  await new Promise((resolve) => setTimeout(resolve));
  const entries = performance.getEntriesByName(url, "resource");
  const entry = /** @type {PerformanceResourceTiming[]} */ (entries).find((it) => it.startTime >= startedAt);
  const origin = epochOfPage();
  return entry ? parts(entry).map((part) => ({ ...part, start_ms: origin + part.start_ms })) : [];
}

/** @returns {number} the ms since the epoch at which `performance.now()` was 0 */
function epochOfPage() {
  const byClock = Date.now() - performance.now();
  // `timeOrigin` is more precise. But in some browsers `performance.now()` stops while the computer sleeps,
  // and `timeOrigin` does not correct this.
  return Math.abs(byClock - performance.timeOrigin) > MAX_CLOCK_DIFFERENCE_MS ? byClock : performance.timeOrigin;
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
    .map(([stage, from, to]) => ({ stage, start_ms: from, duration_ms: to - from }));
}
