// @ts-check
import { header, headersOf } from "./http_headers.js";
import { problemOf } from "./problem.js";

/** @typedef {import("./api.js").Trace} Trace */

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
/** @type {Record<string, string>} */
const BY_PROBLEM = {
  "idempotency-in-flight": "The first request with this Idempotency-Key is still running. Repeat it with the same key.",
  "idempotency-mismatch": "This Idempotency-Key belongs to another request. Send the new request with a new key.",
};
const NEEDS_IDEMPOTENCY_KEY = "/api/users/{user_id}/orders";

/**
 * Say what a client has to do to send this request again.
 *
 * @param {Trace} trace
 * @returns {string} one or two sentences
 */
export function retry(trace) {
  const { request, response } = headersOf(trace);
  const after = header(response, "retry-after");
  const wait = after === null ? "" : `Wait ${after} s (Retry-After). `;
  return wait + (BY_PROBLEM[problemOf(trace) ?? ""] ?? byStatus(trace.status) ?? byMethod(trace, request));
}

/** @param {number | null} status */
function byStatus(status) {
  switch (status) {
    case 401: return "Sign in, and send the new access token.";
    case 412: return "The resource has changed since the client read it. Read it again, and send its new ETag in If-Match.";
    case 428: return "Read the resource, and send its ETag in If-Match.";
    case 409: return "The request conflicts with stored data. It fails again until the request or the data changes.";
    case 400: case 404: case 405: case 406: case 413: case 415: case 422:
      return "The same request fails again. Change it first.";
    default: return null;
  }
}

/** @param {Trace} trace @param {import("./http_headers.js").Headers} request */
function byMethod({ method, route, status }, request) {
  if (SAFE.has(method ?? "")) return "A retry is safe: the request changes nothing.";
  if (header(request, "idempotency-key")) {
    return "A retry with the same Idempotency-Key and body is safe: the service runs the request once, and repeats the response.";
  }
  if (header(request, "if-match")) {
    return "A retry with the same If-Match changes nothing twice: if the first request was successful, the retry gets 412.";
  }
  if (route === NEEDS_IDEMPOTENCY_KEY && method === "POST") {
    return "Without an Idempotency-Key, a retry can place a second order. Send a key with the first request.";
  }
  if (status === 429) return "The service has refused the request before it did anything, so a retry is safe.";
  if (method === "PUT" || method === "DELETE") return "A retry is safe: a second request has the same effect (idempotent).";
  return "A retry runs the request a second time.";
}
