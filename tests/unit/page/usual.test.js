import { deepEqual, equal, match } from "node:assert/strict";
import { period, rangeOf, rate, RouteDurations } from "../../../lab/page/static/list/usual.js";

/** Replace each no-break space before a unit by a blank. */
const spaced = (text) => text.replaceAll("\u00a0", " ");

Deno.test("a request is slow above the p95 of its route, if the route has at least 20 requests", () => {
  const routeDurations = new RouteDurations();
  const read = { method: "GET", route: "/often", requests: 20, p95_ms: 10 };
  routeDurations.update([read, { ...read, route: "/rarely", requests: 19 }]);
  const slowness = (route, ms, more) => routeDurations.slownessOf({ method: "GET", route, server_ms: ms, background: false, ...more });
  match(spaced(slowness("/often", 10.1)), /^Took 10.1 ms on the server. The p95 of this route is 10.0 ms, over 20 requests.$/);
  equal(slowness("/often", 10), null);
  equal(slowness("/rarely", 99), null);
  equal(slowness("/often", 99, { method: "POST" }), null);
  equal(slowness("/often", 99, { background: true }), null);
});

Deno.test("each bar of the histogram has a range, and the range of the last bar has no end", () => {
  const ranges = [0, 1, 2, 3, 4].map((at) => spaced(rangeOf([1, 500, 1000, 2000], at)));
  deepEqual(ranges, ["up to 1 ms", "1 to 500 ms", "500 ms to 1 s", "1 to 2 s", "more than 2 s"]);
});

Deno.test("a rate below one request per second is shown per minute", () => {
  deepEqual([null, 0.004, 0.5, 2.46, 81.3].map(rate), ["–", "0.2/min", "30/min", "2.5/s", "81/s"]);
});

Deno.test("a period is shown in seconds, minutes or hours, depending on its length", () => {
  deepEqual([0, 1, 89, 90, 700, 7300].map(period), ["1 second", "1 second", "89 seconds", "2 minutes", "12 minutes", "2 hours"]);
});
