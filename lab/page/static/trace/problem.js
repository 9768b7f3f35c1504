// @ts-check
import { endOf } from "./outline.js";

/** @typedef {import("../collector/api.js").Trace} Trace */

/** @param {Trace} trace @returns {boolean} whether the response is an error */
export function isFailure({ status }) {
  return status !== null && status >= 400;
}

/**
 * Return the stage that failed with the problem in the response.
 *
 * @param {Trace} trace
 * @returns {import("../collector/api.js").Span | null}
 */
export function failedStage(trace) {
  const named = trace.spans.filter((span) => span.problem);
  if (named.length === 0 || !isFailure(trace)) return null;
  // An exception passes through several stages. The service made the response in the stage that ended last.
  return named.reduce((one, other) => (endOf(one) >= endOf(other) ? one : other));
}
