// @ts-check
import * as api from "./api.js";

/**
 * @typedef {import("./api.js").Trace} Trace
 *
 * A trace, and the numbers of two calls of `read`: the last call, and the call that stored the trace.
 * @typedef {{trace: Trace | null, isStale: boolean, lastRead: number, storedBy: number}} Kept
 */

const MAX_TRACES = 20;

/** Keeps the last traces that were read, so that the page can show them while the collector is down. */
export class TraceCache {
  constructor() {
    /** @type {Map<string, Kept>} */
    this.traces = new Map();
  }

  /** Mark a trace as stale, so that it is read again before its next use. @param {string} [id] if missing, all traces */
  markStale(id) {
    for (const [other, kept] of this.traces) if (id === undefined || id === other) kept.isStale = true;
  }

  /** @param {string[]} ids @returns {Promise<(Trace | Error)[]>} each trace, or the error */
  get(ids) {
    return Promise.all(ids.map((id) => this.read(id).catch((/** @type {api.ApiError} */ error) => error)));
  }

  /** @param {string} id @returns {Promise<Trace>} the kept version if it is not stale, or if the trace cannot be read again */
  async read(id) {
    const kept = this.traces.get(id) ?? { trace: null, isStale: true, lastRead: 0, storedBy: 0 };
    // A Map iterates in the order of insertion, so the first key is of the trace that was used longest ago.
    this.traces.delete(id);
    this.traces.set(id, kept);
    const [oldest] = this.traces.keys();
    if (this.traces.size > MAX_TRACES) this.traces.delete(oldest);
    if (kept.trace && !kept.isStale) return kept.trace;
    kept.isStale = false;
    const number = kept.lastRead += 1;
    try {
      const trace = await api.trace(id);
      // Of two reads at the same time, the read that began later has the newer version.
      if (number > kept.storedBy) Object.assign(kept, { trace, storedBy: number });
    } catch (error) {
      kept.isStale = true;
      if (!kept.trace) throw error;
    }
    return /** @type {Trace} */ (kept.trace);
  }
}
