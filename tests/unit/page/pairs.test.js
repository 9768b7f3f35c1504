import { deepEqual } from "node:assert/strict";
import { pairs } from "../../../lab/page/static/trace/pairs.js";

function span(id, depth, stage, name = stage, start = 0) {
  return { id, depth, stage, name, start_ms: start, duration_ms: 1 };
}

const matched = (a, b) => pairs(a, b).map((pair) => [pair.depth, pair.a?.span.id ?? null, pair.b?.span.id ?? null]);

Deno.test("spans match by stage and name under matching parents", () => {
  const a = [span("a1", 0, "app", "GET /x"), span("a2", 1, "sql", "SELECT users"), span("a3", 1, "redis", "GET")];
  const b = [span("b1", 0, "app", "GET /y"), span("b2", 1, "sql", "SELECT users"), span("b3", 1, "sql", "SELECT orders")];
  deepEqual(matched(a, b), [[0, "a1", "b1"], [1, "a2", "b2"], [1, "a3", null], [1, null, "b3"]]);
});

Deno.test("of several equal spans, the first span of A matches the first span of B", () => {
  const a = [span("a1", 0, "sql", "q", 0), span("a2", 0, "sql", "q", 5)];
  const b = [span("b1", 0, "sql", "q", 3)];
  deepEqual(matched(a, b), [[0, "a1", "b1"], [0, "a2", null]]);
});
