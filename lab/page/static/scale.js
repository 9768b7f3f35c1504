// @ts-check
import { el, shape } from "./dom.js";
import { axis, duration, tick } from "./format.js";
import { placeOf } from "./places.js";

/** @typedef {import("./outline.js").Branch} Branch */

/** One time axis, for one trace or for two. */
export class Scale {
  /** @param {number} length in ms */
  constructor(length) {
    this.length = length;
    const { step, ticks } = axis(length);
    this.step = step;
    this.ticks = ticks;
  }

  /** @returns {HTMLElement} the marks with their labels */
  head() {
    const marks = this.ticks.map((at) => {
      // The first and the last would hang over the edge.
      const side = at === 0 ? "first" : at > this.length * 0.94 ? "last" : "";
      return shape(el("span", { class: `tick ${side}` }, tick(at, this.step)), { at: at / this.length });
    });
    return el("div", { role: "columnheader", class: "track axis", "aria-label": "Time" }, ...marks);
  }

  /** @param {...(HTMLElement | null)} bars @returns {HTMLElement} what the bars of one row lie on */
  track(...bars) {
    const track = el("div", { role: "gridcell", class: "track" }, ...bars);
    return shape(track, { tick: `${(100 * this.step) / this.length}%` });
  }

  /**
   * @param {Branch} node
   * @param {string} [also] a class of its own
   * @returns {HTMLElement} its time; lighter, where it is that of its parts
   */
  bar({ span, children }, also = "") {
    const kind = `${children.length > 0 ? "outer" : "inner"} ${span.error ? "failed" : ""} ${also}`;
    const bar = el("span", {
      class: `bar ${placeOf(span)} ${kind}`,
      title: `from ${duration(span.start_ms)} on, for ${duration(span.duration_ms)}`,
    });
    return this.place(bar, span);
  }

  /** @param {{start_ms: number, duration_ms: number}} gap @returns {HTMLElement} time that nothing accounts for */
  gap(gap) {
    return this.place(el("span", { class: "gap", title: `${duration(gap.duration_ms)} without a name` }), gap);
  }

  /** @param {HTMLElement} element @param {{start_ms: number, duration_ms: number}} span */
  place(element, { start_ms: start, duration_ms: time }) {
    return shape(element, { at: start / this.length, long: time / this.length });
  }
}
