// @ts-check
import { el, setProperties } from "../ui/dom.js";
import { axis, duration, tick } from "../ui/format.js";
import { placeOf } from "../ui/places.js";

/** @typedef {import("../trace/outline.js").Branch} Branch */

/** The time axis of a trace, or of two traces that are compared. */
export class Scale {
  /**
   * @param {number} length in ms
   * @param {number} [end] when the response ended, if stages ran after it
   */
  constructor(length, end = length) {
    this.length = length;
    this.end = end;
    const { step, ticks } = axis(length);
    this.step = step;
    this.ticks = ticks;
  }

  /** @returns {HTMLElement} the ticks with their labels */
  head() {
    const marks = this.ticks.map((at) => {
      // The first and the last label are aligned differently, because they would extend over the edge.
      const side = at === 0 ? "first" : at > this.length * 0.94 ? "last" : "";
      return setProperties(el("span", { class: `tick ${side}` }, tick(at, this.step)), { at: at / this.length });
    });
    return el("div", { role: "columnheader", class: "track axis", "aria-label": "Time" }, ...marks);
  }

  /** @param {...(HTMLElement | null)} bars @returns {HTMLElement} the background of one row, with its bars */
  track(...bars) {
    const end = this.end < this.length
      ? this.place(el("span", { class: "response-end" }), { start_ms: this.end, duration_ms: 0 })
      : null;
    const track = el("div", { role: "gridcell", class: "track" }, ...bars, end);
    return setProperties(track, { tick: `${(100 * this.step) / this.length}%` });
  }

  /**
   * @param {Branch} node
   * @param {string} [extraClass]
   * @returns {HTMLElement} the bar of a stage; lighter if the stage has children
   */
  bar({ span, children }, extraClass = "") {
    const kind = `${children.length > 0 ? "outer" : "inner"} ${span.error ? "failed" : ""} ${extraClass}`;
    const bar = el("span", {
      class: `bar ${placeOf(span)} ${kind}`,
      title: `starts at ${duration(span.start_ms)}, takes ${duration(span.duration_ms)}`,
    });
    return this.place(bar, span);
  }

  /** @param {{start_ms: number, duration_ms: number}} gap @returns {HTMLElement} the bar of an untraced gap */
  gap(gap) {
    return this.place(el("span", { class: "gap", title: `${duration(gap.duration_ms)} untraced` }), gap);
  }

  /** @param {{start_ms: number, duration_ms: number}} section @returns {HTMLElement} a line: the stage is on the critical path */
  critical(section) {
    return this.place(el("span", { class: "critical" }), section);
  }

  /** @param {HTMLElement} element @param {{start_ms: number, duration_ms: number}} span */
  place(element, { start_ms: start, duration_ms: time }) {
    return setProperties(element, { at: start / this.length, long: time / this.length });
  }
}
