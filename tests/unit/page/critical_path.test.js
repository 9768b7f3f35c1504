import { deepEqual, equal } from "node:assert/strict";
import { criticalPath, largestParts, overruns } from "../../../lab/page/static/trace/critical_path.js";
import { tree } from "../../../lab/page/static/trace/outline.js";

/** A span of the page's JSON, with the fields that the critical path reads. */
function span(id, depth, start, length, stage = id) {
  return { id, depth, start_ms: start, duration_ms: length, stage };
}

const path = (...spans) => criticalPath(tree(spans)).map(({ id, start_ms: start, duration_ms: time }) => [id, start, start + time]);

Deno.test("a stage is on the critical path while none of its children is", () => {
  deepEqual(path(span("a", 0, 0, 10), span("b", 1, 2, 3), span("c", 1, 6, 3), span("d", 2, 7, 1)),
    [["a", 0, 2], ["b", 2, 5], ["a", 5, 6], ["c", 6, 7], ["d", 7, 8], ["c", 8, 9], ["a", 9, 10]]);
});

Deno.test("of stages that ran at the same time, the one that ended last is on the critical path", () => {
  deepEqual(path(span("a", 0, 0, 10), span("short", 1, 1, 4), span("long", 1, 1, 9)), [["a", 0, 1], ["long", 1, 10]]);
});

Deno.test("of stages that overlap, the earlier one counts until the later one begins", () => {
  deepEqual(path(span("a", 0, 0, 10), span("b", 1, 0, 6), span("c", 1, 5, 5)), [["b", 0, 5], ["c", 5, 10]]);
});

Deno.test("a stage that outlasts its parent counts until the parent's end, and a job does not count", () => {
  const spans = [span("a", 0, 0, 10), span("b", 1, 5, 20), span("job", 2, 12, 3), span("queued", 1, 9, 2)];
  deepEqual(path(...spans), [["a", 0, 5], ["b", 5, 10]]);
  deepEqual([...overruns(tree(spans))], [["b", 15], ["queued", 1]]);
});

Deno.test("the largest parts of the critical path are sums: one for each stage", () => {
  const roots = tree([span("a", 0, 0, 10, "app"), span("b", 1, 0, 3, "sql"), span("c", 1, 4, 3, "sql")]);
  deepEqual(largestParts(criticalPath(roots), roots, 1), [{ stage: "sql", duration_ms: 6 }]);
  deepEqual(largestParts(criticalPath(roots), roots, 9).length, 2);
});

Deno.test("without spans, or in a request of 0 ms, there is no critical path", () => {
  equal(criticalPath([]).length, 0);
  deepEqual(path(span("a", 0, 0, 0)), []);
});
