// @ts-check
import { tree } from "./outline.js";

/**
 * A stage that is in request A, in request B, or in both.
 *
 * @typedef {import("./outline.js").Branch} Branch
 * @typedef {{a: Branch | null, b: Branch | null, depth: number}} Pair
 */

/** A request has one span of each of these stages, and the span's name depends on the route. */
const MATCHED_BY_STAGE = new Set(["load-balancer", "app"]);

/**
 * Pair the stages of two requests. Two spans match if they are under matching parents and have the
 * same stage and the same name. If several spans under a parent have the same stage and name, the
 * first of A matches the first of B, and so on. Spans of `MATCHED_BY_STAGE` match regardless of their
 * names.
 *
 * @param {import("../collector/api.js").Span[]} a
 * @param {import("../collector/api.js").Span[]} b
 * @returns {Pair[]} as a tree in depth-first order, siblings by start
 */
export function pairs(a, b) {
  return level(tree(a), tree(b), 0);
}

/** @param {Branch[]} a @param {Branch[]} b @param {number} depth @returns {Pair[]} */
function level(a, b, depth) {
  return sorted(matched(a, b)).flatMap(([one, other]) => [
    { a: one, b: other, depth },
    ...level(one?.children ?? [], other?.children ?? [], depth + 1),
  ]);
}

/** @param {Branch[]} a @param {Branch[]} b @returns {[Branch | null, Branch | null][]} */
function matched(a, b) {
  const unmatched = numbered(b);
  /** @type {[Branch | null, Branch | null][]} */
  const matches = [...numbered(a)].map(([key, one]) => {
    const other = unmatched.get(key) ?? null;
    unmatched.delete(key);
    return [one, other];
  });
  return [...matches, .../** @type {[null, Branch][]} */ ([...unmatched.values()].map((other) => [null, other]))];
}

/** @param {Branch[]} branches @returns {Map<string, Branch>} */
function numbered(branches) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  return new Map(branches.map((branch) => {
    const { stage, name } = branch.span;
    const kind = MATCHED_BY_STAGE.has(stage) ? stage : `${stage} ${name}`;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return [`${kind} ${count}`, branch];
  }));
}

/** @param {[Branch | null, Branch | null][]} matches */
function sorted(matches) {
  const begin = (/** @type {[Branch | null, Branch | null]} */ [a, b]) => (a ?? b)?.span.start_ms ?? 0;
  return matches.sort((one, other) => begin(one) - begin(other));
}
