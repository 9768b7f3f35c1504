// @ts-check
import { el, setProperties } from "../ui/dom.js";
import { axis, duration, tick } from "../ui/format.js";
import { placeOf } from "../ui/places.js";

/** @typedef {import("../trace/outline.js").Branch} Branch */

/** The time until the end of the response gets at least this part of the axis. */
const MIN_RESPONSE_PART = 0.6;

/**
 * The time axis of a trace, or of two traces that are compared.
 *
 * If a job ran long after the response, the time after the response has a scale of its own. With one scale,
 * the stages of the request would be too narrow to see.
 */
export class Scale {
  /**
   * @param {number} length in ms
   * @param {number} [end] the end of the response in ms, if a job ended later
   */
  constructor(length, end = length) {
    this.length = length;
    this.end = Math.max(end, 0.001);
    this.responsePart = end < length ? Math.max(end / length, MIN_RESPONSE_PART) : 1;
    this.hasTwoScales = this.responsePart > end / length;
    const { step, ticks } = axis(this.hasTwoScales ? end : length);
    this.step = step;
    this.ticks = ticks;
  }

  /** @param {number} ms @returns {number} its place on the axis, from 0 to 1 */
  at(ms) {
    if (ms <= this.end || this.responsePart === 1) return (ms / this.end) * this.responsePart;
    return this.responsePart + ((ms - this.end) / (this.length - this.end)) * (1 - this.responsePart);
  }

  /** @returns {HTMLElement} the ticks with their labels */
  head() {
    const labels = this.ticks.map((ms) => /** @type {[number, string]} */ ([ms, tick(ms, this.step)]));
    if (this.hasTwoScales) labels.push([this.length, duration(this.length)]);
    const marks = labels.map(([ms, label]) => {
      const at = this.at(ms);
      // A centred label would extend over the edge, so the first and the last label are aligned differently.
      const side = at === 0 ? "first" : at > 0.94 ? "last" : "";
      return setProperties(el("span", { class: `tick ${side}` }, label), { at });
    });
    return el("div", { role: "columnheader", class: "track axis", "aria-label": "Time" }, ...marks);
  }

  /** @param {...(HTMLElement | null)} bars @returns {HTMLElement} the background of one row, with its bars */
  track(...bars) {
    const end = this.end < this.length
      ? this.place(el("span", { class: "response-end" }), { start_ms: this.end, duration_ms: 0 })
      : null;
    const later = this.hasTwoScales
      ? this.place(el("span", { class: "later" }), { start_ms: this.end, duration_ms: this.length - this.end })
      : null;
    const track = el("div", { role: "gridcell", class: "track" }, later, ...bars, end);
    return setProperties(track, { tick: `${100 * this.at(this.step)}%` });
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

  /** @param {{start_ms: number, duration_ms: number}} section @returns {HTMLElement} the line that marks a section of the critical path */
  critical(section) {
    return this.place(el("span", { class: "critical" }), section);
  }

  /** @param {HTMLElement} element @param {{start_ms: number, duration_ms: number}} span */
  place(element, { start_ms: start, duration_ms: time }) {
    const at = this.at(start);
    return setProperties(element, { at, long: this.at(start + time) - at });
  }
}
