import { deepEqual, equal } from "node:assert/strict";
import { largestGap, lengthOf, ownTime, rows, tree } from "../../../lab/page/static/trace/outline.js";

/** A span of the page's JSON, with the fields that the outline reads. */
function span(id, depth, start, length) {
  return { id, depth, start_ms: start, duration_ms: length };
}

Deno.test("a span is a child of the last span one level above it, and the first span is the request", () => {
  const spans = [span("a", 0, 5, 10), span("b", 1, 6, 3), span("c", 2, 7, 1), span("d", 1, 9, 1), span("early", 0, 0, 1)];
  const roots = tree(spans);
  deepEqual(roots.map((root) => root.span.id), ["a", "early"]);
  deepEqual(roots[0].children.map((child) => child.span.id), ["b", "d"]);
  deepEqual(rows(roots).map((node) => `${node.depth}${node.span.id}`), ["0a", "1b", "2c", "1d", "0early"]);
});

Deno.test("the own time of a stage is the time in which none of its children was active", () => {
  const [root] = tree([span("a", 0, 0, 10), span("b", 1, 1, 4), span("c", 1, 3, 4), span("d", 1, 9, 5)]);
  equal(ownTime(root), 3);
});

Deno.test("the largest gap can be before, between or after the leaves", () => {
  const root = span("a", 0, 0, 10);
  const gap = (...leaves) => largestGap(tree([root, ...leaves]));
  deepEqual(gap(span("b", 1, 6, 4)), { start_ms: 0, duration_ms: 6 });
  deepEqual(gap(span("b", 1, 0, 1), span("c", 1, 8, 2)), { start_ms: 1, duration_ms: 7 });
  deepEqual(gap(span("b", 1, 0, 4)), { start_ms: 4, duration_ms: 6 });
  deepEqual(largestGap([]), { start_ms: 0, duration_ms: 0 });
});

Deno.test("the length is the end of the last span, and never zero", () => {
  equal(lengthOf(tree([span("a", 0, 0, 10), span("b", 1, 8, 5)])), 13);
  equal(lengthOf([]), 0.001);
});
