import { deepEqual, equal } from "node:assert/strict";
import { axis, clockOrDate, difference, duration, plain, share, tick } from "../../../lab/page/static/ui/format.js";

/** Replace the no-break space before a unit by a blank. */
const spaced = (text) => text.replace("\u00a0", " ");

Deno.test("a duration has three significant digits, also where rounding adds a digit", () => {
  const shown = [0, 4.214, 9.994, 9.996, 63.25, 99.96, 999.4, 999.6, 12_345].map(duration);
  const expected = ["0.00 ms", "4.21 ms", "9.99 ms", "10.0 ms", "63.3 ms", "100 ms", "999 ms", "1.00 s", "12.35 s"];
  deepEqual(shown.map(spaced), expected);
});

Deno.test("a difference has a sign, unless it rounds to zero", () => {
  deepEqual([1.5, -1.5, 0.001, -0.001].map(difference).map(spaced),
    ["+1.50 ms", "−1.50 ms", "±0", "±0"]);
});

Deno.test("a share has a percent sign, and a share of zero is 0 %", () => {
  deepEqual([share(1, 0), share(1, 25), share(1, 2)].map(spaced), ["0 %", "4.0 %", "50 %"]);
});

Deno.test("an axis has at most six ticks after 0, at steps of 1, 2 or 5 times a power of 10", () => {
  for (const length of [0, 0.003, 1, 7, 19.9, 64, 250, 3_000, 10_000]) {
    const { step, ticks } = axis(length);
    equal(ticks.length <= 7, true, `${length}: ${ticks}`);
    equal([1, 2, 5].includes(Number((step / 10 ** Math.floor(Math.log10(step) + 1e-9)).toFixed(6))), true, `${step}`);
    equal(ticks[0], 0);
  }
});

Deno.test("the label of a tick has only the digits that its step needs", () => {
  deepEqual([tick(0, 5), tick(0.5, 0.5), tick(20, 20)].map(spaced), ["0", "0.5 ms", "20 ms"]);
});

Deno.test("the value of an attribute is shown as text, also if it is a list", () => {
  deepEqual([plain(["a", 1]), plain(true), plain({ a: 1 })], ["a, 1", "true", '{"a":1}']);
});

Deno.test("a moment of today is shown as a time, and any other moment as a date", () => {
  const now = new Date(2026, 0, 5, 12);
  deepEqual([new Date(2026, 0, 5, 9, 8, 7), new Date(2026, 0, 4)].map((it) => clockOrDate(it.toISOString(), now)),
    ["09:08:07", "2026-01-04"]);
});
