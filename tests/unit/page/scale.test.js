import { deepEqual, equal } from "node:assert/strict";
import { Scale } from "../../../lab/page/static/waterfall/scale.js";

Deno.test("the axis is linear if no stage ran after the response, or only for a short time", () => {
  deepEqual([0, 5, 10].map((ms) => new Scale(10).at(ms)), [0, 0.5, 1]);
  equal(new Scale(0.3).at(0.1 + 0.2) > 1, true);
  const scale = new Scale(10, 8);
  deepEqual([0, 4, 8, 10].map((ms) => scale.at(ms)), [0, 0.4, 0.8, 1]);
  equal(scale.hasTwoScales, false);
});

Deno.test("if a job ran long after the response, the response keeps most of the axis", () => {
  const scale = new Scale(10_010, 10);
  deepEqual([0, 5, 10, 5010, 10_010].map((ms) => scale.at(ms)), [0, 0.3, 0.6, 0.8, 1]);
  equal(scale.hasTwoScales, true);
  equal(scale.ticks.at(-1), 10);
});
