// @ts-check
import * as api from "./api.js";

/** @typedef {import("./api.js").Trace} Trace */

const MAX_TRACES = 20;

/** Keeps the last traces that were read, so that the page can show them while the collector is down. */
export class TraceCache {
  constructor() {
    /** @type {Map<string, Trace>} */
    this.traces = new Map();
  }

  /** @param {string[]} ids @returns {Promise<(Trace | Error)[]>} each trace, or the error */
  get(ids) {
    return Promise.all(ids.map(async (id) => {
      try {
        const kept = this.traces.get(id);
        return kept ? this.keep(id, kept) : await this.read(id);
      } catch (error) {
        return /** @type {api.ApiError} */ (error);
      }
    }));
  }

  /** @param {string} id @returns {Promise<Trace>} a newer version, if `renew` has stored one during the call */
  async read(id) {
    const trace = await api.trace(id);
    return this.traces.get(id) ?? this.keep(id, trace);
  }

  /**
   * Read a trace again. If this fails, the old version stays stored.
   *
   * @param {string} id
   * @returns {Promise<boolean>} whether the trace has changed
   */
  async renew(id) {
    const trace = await api.trace(id).catch(() => null);
    if (!trace || JSON.stringify(trace) === JSON.stringify(this.traces.get(id))) return false;
    this.keep(id, trace);
    return true;
  }

  /** @param {string} id @param {Trace} trace */
  keep(id, trace) {
    // A Map iterates in the order of insertion.
    this.traces.delete(id);
    this.traces.set(id, trace);
    const [oldest] = this.traces.keys();
    if (this.traces.size > MAX_TRACES) this.traces.delete(oldest);
    return trace;
  }
}
