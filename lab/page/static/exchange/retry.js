// @ts-check
import { header, headersOf } from "../trace/http_headers.js";
import { failedStage } from "../trace/problem.js";

/** @typedef {import("../collector/api.js").Trace} Trace */

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const ORDERS_ROUTE = "/api/users/{user_id}/orders";

/**
 * Say what a client has to do to send this request again.
 *
 * @param {Trace} trace
 * @returns {string} one or more sentences. After an error of the client, only a changed request can succeed
 */
export function retry(trace) {
  const { status } = trace;
  const { request, response } = headersOf(trace);
  const after = header(response, "retry-after");
  const isRefused = status !== null && status >= 400 && status < 500;
  const detail = failedStage(trace)?.problem_detail;
  return [
    detail ?? (isRefused && status !== 429 ? "The same request fails again. Change it first." : null),
    after && `Retry-After is ${after} s.`,
    isRefused ? null : byMethod(trace, request),
    status === 429 ? "The service refused the request and changed nothing, so a retry is safe." : null,
  ].filter(Boolean).join(" ");
}

/** @param {Trace} trace @param {import("../trace/http_headers.js").Headers} request */
function byMethod({ method, route }, request) {
  if (SAFE.has(method ?? "")) return "A retry is safe: the request changes nothing.";
  if (route === ORDERS_ROUTE && method === "POST") {
    return header(request, "idempotency-key")
      ? "A retry with the same Idempotency-Key and body is safe: the service runs the request once, and repeats the response."
      : "Without an Idempotency-Key, a retry can place a second order. Send a key with the first request.";
  }
  if (header(request, "if-match")) {
    return "A retry with the same If-Match cannot make the change twice. If the first request succeeded, the retry gets 412.";
  }
  if (method === "PUT" || method === "DELETE") return "A retry is safe: a second request has the same effect (idempotent).";
  return "A retry runs the request a second time.";
}
