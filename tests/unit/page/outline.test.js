import { deepEqual, equal } from "node:assert/strict";
import { largestGap, lengthOf, ownTime, rows, tree } from "../../../lab/page/static/outline.js";

/** A span of the page's JSON, with the fields that the outline reads. */
function span(id, parent, start, length) {
  return { id, parent_id: parent, start_ms: start, duration_ms: length };
}

const shape = (spans) => rows(tree(spans)).map(({ span, depth }) => `${depth}${span.id}`);

Deno.test("children are below their parents, ordered by start", () => {
  deepEqual(shape([span("c", "a", 5, 1), span("a", null, 0, 10), span("b", "a", 1, 1)]), ["0a", "1b", "1c"]);
});

Deno.test("a span whose parent has not arrived is at the top level", () => {
  deepEqual(shape([span("a", null, 0, 1), span("b", "missing", 2, 1)]), ["0a", "0b"]);
});

Deno.test("each span of a cycle is shown once, below the span that began first", () => {
  deepEqual(shape([span("b", "a", 1, 1), span("a", "c", 0, 1), span("c", "b", 2, 1)]), ["0a", "1b", "2c"]);
  deepEqual(shape([span("a", "a", 0, 1)]), ["0a"]);
});

Deno.test("the own time of a stage is the time without any of its children", () => {
  const [root] = tree([span("a", null, 0, 10), span("b", "a", 1, 4), span("c", "a", 3, 4), span("d", "a", 9, 5)]);
  equal(ownTime(root), 3);
});

Deno.test("the largest gap may be before, between or after the leaves", () => {
  const root = span("a", null, 0, 10);
  const gap = (...leaves) => largestGap(tree([root, ...leaves]));
  deepEqual(gap(span("b", "a", 6, 4)), { start_ms: 0, duration_ms: 6 });
  deepEqual(gap(span("b", "a", 0, 1), span("c", "a", 8, 2)), { start_ms: 1, duration_ms: 7 });
  deepEqual(gap(span("b", "a", 0, 4)), { start_ms: 4, duration_ms: 6 });
  deepEqual(largestGap([]), { start_ms: 0, duration_ms: 0 });
});

Deno.test("the length is the end of the last span, and never zero", () => {
  equal(lengthOf(tree([span("a", null, 0, 10), span("b", "a", 8, 5)])), 13);
  equal(lengthOf([]), 0.001);
});
