import { equal } from "node:assert/strict";
import { Known } from "../../../lab/page/static/known.js";

const entry = (id, second, route = "/x") => ({
  trace_id: id, request_id: `r-${id}`, method: "GET", route, path: "/x", started_at: `2026-01-01T00:00:0${second}.000000Z`,
});

Deno.test("the previous request is the last one to the same route that began earlier", () => {
  const known = new Known();
  known.add([entry("c", 3), entry("a", 1), entry("b", 2), entry("other", 3, "/y")]);
  equal(known.previousOf(entry("d", 4)), "c");
  equal(known.previousOf(entry("c", 3)), "b");
  equal(known.previousOf(entry("a", 1)), null);
});

Deno.test("the last thousand requests are known by their request ids", () => {
  const known = new Known();
  known.add(Array.from({ length: 1001 }, (_, at) => entry(String(at), 1)));
  equal(known.withRequestId("r-0"), undefined);
  equal(known.withRequestId("r-1000").trace_id, "1000");
  equal(known.withRequestId(null), undefined);
});
