// @ts-check

/**
 * @typedef {import("../collector/api.js").Span} Span
 * @typedef {{span: Span, depth: number, children: Branch[]}} Branch
 */

/**
 * Put spans under their parents.
 *
 * @param {Span[]} spans in the collector's order: parents before their children, with their depths
 * @returns {Branch[]} the roots; the first root is the request
 */
export function tree(spans) {
  /** @type {Branch[]} */
  const roots = [];
  /** @type {Branch[]} the last span of each depth */
  const path = [];
  for (const span of spans) {
    const node = { span, depth: span.depth, children: [] };
    (path[span.depth - 1]?.children ?? roots).push(node);
    path[span.depth] = node;
  }
  return roots;
}

/** @param {Branch[]} nodes @returns {Branch[]} each node, followed by its descendants */
export function rows(nodes) {
  return nodes.flatMap((node) => [node, ...rows(node.children)]);
}

/** @param {Branch} node @returns {number} for how many ms the span was active and none of its children was */
export function ownTime(node) {
  return uncovered(node.span, node.children.map((child) => child.span))
    .reduce((sum, gap) => sum + gap.duration_ms, 0);
}

/**
 * Return the largest untraced gap: the longest time in which no leaf stage was active.
 *
 * @param {Branch[]} roots
 * @returns {{start_ms: number, duration_ms: number}}
 */
export function largestGap(roots) {
  const none = { start_ms: 0, duration_ms: 0 };
  if (roots.length === 0) return none;
  const leaves = rows(roots).filter((node) => node.children.length === 0);
  const gaps = uncovered(roots[0].span, leaves.map((leaf) => leaf.span));
  return gaps.reduce((largest, gap) => (gap.duration_ms > largest.duration_ms ? gap : largest), none);
}

/**
 * Return the intervals of `whole` that no part covers.
 *
 * @param {{start_ms: number, duration_ms: number}} whole
 * @param {{start_ms: number, duration_ms: number}[]} parts
 */
function uncovered(whole, parts) {
  const gaps = [];
  const end = whole.start_ms + whole.duration_ms;
  let at = whole.start_ms;
  for (const part of [...parts].sort((one, other) => one.start_ms - other.start_ms)) {
    const until = Math.min(part.start_ms, end);
    if (until > at) gaps.push({ start_ms: at, duration_ms: until - at });
    at = Math.max(at, part.start_ms + part.duration_ms);
  }
  if (end > at) gaps.push({ start_ms: at, duration_ms: end - at });
  return gaps;
}

/** @param {Branch[]} roots @returns {number} the end of the last span, in ms */
export function lengthOf(roots) {
  return Math.max(0.001, ...rows(roots).map(({ span }) => endOf(span)));
}

/** @param {Span} span @returns {number} ms after the start of the trace */
export function endOf(span) {
  return span.start_ms + span.duration_ms;
}
