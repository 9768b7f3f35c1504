// @ts-check

/** @typedef {import("./api.js").Entry} Entry */

/** As many as the collector keeps. */
const MAX_ENTRIES = 1000;

/** The requests that the page has heard of, whether the filtered list shows them or not. */
export class Known {
  constructor() {
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
  }

  /** @param {Entry[]} entries */
  add(entries) {
    for (const entry of entries) {
      // A Map iterates in the order of insertion.
      this.entries.delete(entry.trace_id);
      this.entries.set(entry.trace_id, entry);
      const [oldest] = this.entries.keys();
      if (this.entries.size > MAX_ENTRIES) this.entries.delete(oldest);
    }
  }

  /** @param {string | null} requestId @returns {Entry | undefined} */
  withRequestId(requestId) {
    return requestId ? [...this.entries.values()].find((it) => it.request_id === requestId) : undefined;
  }

  /** @param {import("./api.js").Trace} trace @returns {string | null} the id of the previous request to the same route */
  previousOf(trace) {
    /** @type {Entry | null} */
    let previous = null;
    for (const entry of this.entries.values()) {
      const isEarlier = entry.started_at < trace.started_at && !(previous && entry.started_at < previous.started_at);
      if (isEarlier && routeOf(entry) === routeOf(trace)) previous = entry;
    }
    return previous?.trace_id ?? null;
  }
}

/** @param {import("./api.js").Summary} summary @returns {string} method and route */
export function routeOf({ method, route, path }) {
  return `${method} ${route ?? path}`;
}
