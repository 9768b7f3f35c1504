// @ts-check
import { duration } from "../ui/format.js";

/** @typedef {import("../collector/api.js").Entry} Entry @typedef {import("../collector/api.js").RouteStatistics} RouteStatistics */

/** With fewer requests to a route, the p95 of the route is not reliable. */
export const MIN_REQUESTS = 20;

/** The durations of each route, so that the list can mark a request that is slow. */
export class RouteDurations {
  constructor() {
    /** @type {Map<string, RouteStatistics>} */
    this.routes = new Map();
  }

  /** @param {RouteStatistics[]} items */
  update(items) {
    this.routes = new Map(items.filter((it) => it.requests >= MIN_REQUESTS).map((it) => [keyOf(it), it]));
  }

  /** @param {Entry} entry @returns {string | null} the reason, if the request was slow */
  slownessOf(entry) {
    const route = this.routes.get(keyOf(entry));
    if (entry.background || !route || entry.server_ms <= route.p95_ms) return null;
    return `Took ${duration(entry.server_ms)} on the server. The p95 of this route is ${duration(route.p95_ms)}, over ${route.requests} requests.`;
  }
}

/** @param {{method: string | null, route: string | null}} it */
function keyOf({ method, route }) {
  return `${method} ${route}`;
}

/** @param {number[]} bounds in ms @param {number} at @returns {string} the range of a bar of the histogram */
export function rangeOf(bounds, at) {
  if (at === 0) return `up to ${bound(bounds[0])}`;
  if (at === bounds.length) return `more than ${bound(bounds[at - 1])}`;
  const isSameUnit = bounds[at - 1] >= 1000 || bounds[at] < 1000;
  return `${isSameUnit ? bound(bounds[at - 1]).split("\u00a0")[0] : bound(bounds[at - 1])} to ${bound(bounds[at])}`;
}

/** @param {number} ms */
function bound(ms) {
  return ms >= 1000 ? `${ms / 1000}\u00a0s` : `${ms}\u00a0ms`;
}

/** @param {number | null} perSecond @returns {string} such as "2.5/s", or "30/min" if it is less than 1/s */
export function rate(perSecond) {
  if (perSecond === null) return "–";
  const [value, unit] = perSecond >= 1 ? [perSecond, "s"] : [perSecond * 60, "min"];
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)}/${unit}`;
}

/** @param {number} seconds @returns {string} rounded, such as "40 seconds" or "12 minutes" */
export function period(seconds) {
  const [value, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  const rounded = Math.max(1, Math.round(value));
  return `${rounded} ${unit}${rounded === 1 ? "" : "s"}`;
}
