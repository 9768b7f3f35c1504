// @ts-check

/** @param {number} ms @returns {string} with three significant digits, such as "4.21 ms" */
export function duration(ms) {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(2)}\u00a0s`;
  if (ms >= 99.95) return `${ms.toFixed(0)}\u00a0ms`;
  if (ms >= 9.995) return `${ms.toFixed(1)}\u00a0ms`;
  return `${ms.toFixed(2)}\u00a0ms`;
}

/** @param {number} ms @returns {string} with a sign; the minus is U+2212 */
export function difference(ms) {
  const size = duration(Math.abs(ms));
  if (Number.parseFloat(size) === 0) return "±0";
  return `${ms < 0 ? "−" : "+"}${size}`;
}

/** @param {string} moment RFC 3339 @returns {string} the local time of day */
export function clock(moment) {
  const date = new Date(moment);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  const time = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/**
 * @param {string} moment RFC 3339
 * @param {Date} [now]
 * @returns {string} the local time of day without fractions; for another day, the date
 */
export function clockOrDate(moment, now = new Date()) {
  const date = new Date(moment);
  if (date.toDateString() === now.toDateString()) return clock(moment).slice(0, -4);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** @param {number} part @param {number} whole @returns {string} such as "4 %" */
export function share(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(part / whole < 0.1 ? 1 : 0)}\u00a0%` : "0\u00a0%";
}

/**
 * Return the ticks of a time axis: at most `maxTicks` after 0, at steps of 1, 2 or 5 times a power of 10.
 *
 * @param {number} length in ms
 * @param {number} [maxTicks]
 * @returns {{step: number, ticks: number[]}}
 */
export function axis(length, maxTicks = 6) {
  const rough = Math.max(length, 0.001) / maxTicks;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (/** @type {number} */ ([1, 2, 5, 10].find((it) => it * power >= rough)) ?? 10);
  const ticks = [];
  for (let at = 0; at * step <= length * 1.0001; at += 1) ticks.push(at * step);
  return { step, ticks };
}

/** @param {number} ms @param {number} step @returns {string} the label of a tick, as short as possible */
export function tick(ms, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return ms === 0 ? "0" : `${ms.toFixed(digits)}\u00a0ms`;
}

/** @param {unknown} value of an attribute @returns {string} */
export function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
