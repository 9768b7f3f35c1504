// @ts-check
import * as api from "./api.js";
import { withClient } from "./client.js";

/** @typedef {import("./api.js").Trace} Trace */

const MOST = 20;

/** The traces that were read last; they stay readable when the collector is away. */
export class Kept {
  constructor() {
    /** @type {Map<string, Trace>} */
    this.traces = new Map();
  }

  /** @param {string[]} ids @returns {Promise<(Trace | Error)[]>} each, or why it cannot be had */
  get(ids) {
    return Promise.all(ids.map(async (id) => {
      try {
        return withClient(this.traces.get(id) ?? (await this.read(id)));
      } catch (trouble) {
        return /** @type {api.Trouble} */ (trouble);
      }
    }));
  }

  /** @param {string} id @returns {Promise<Trace>} what was told last, which may be more than was asked for first */
  async read(id) {
    const told = await api.trace(id);
    return this.traces.get(id) ?? this.keep(id, told);
  }

  /**
   * Read one anew; when that fails, the old one stays.
   *
   * @param {string} id
   * @returns {Promise<boolean>} whether there is something else to show
   */
  async renew(id) {
    const told = await api.trace(id).catch(() => null);
    if (!told || JSON.stringify(told) === JSON.stringify(this.traces.get(id))) return false;
    this.keep(id, told);
    return true;
  }

  /** @param {string} id @param {Trace} trace */
  keep(id, trace) {
    this.traces.set(id, trace);
    const [oldest] = this.traces.keys();
    if (this.traces.size > MOST) this.traces.delete(oldest);
    return trace;
  }
}
