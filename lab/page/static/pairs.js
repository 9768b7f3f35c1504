// @ts-check
import { tree } from "./outline.js";

/**
 * A stage that is in one request, in the other, or in both.
 *
 * @typedef {import("./outline.js").Branch} Branch
 * @typedef {{a: Branch | null, b: Branch | null, depth: number}} Pair
 */

/** Each request has one of these, named for what it asks for. */
const WHOLE = new Set(["load-balancer", "app"]);

/**
 * Lay the stages of two requests beside one another: under the same parent, the same stage of the
 * same name, the first with the first and the second with the second. Those that the whole request
 * goes through are the same whatever is asked for.
 *
 * @param {import("./api.js").Span[]} a
 * @param {import("./api.js").Span[]} b
 * @returns {Pair[]} by depth, in the order of time
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
  const left = numbered(b);
  /** @type {[Branch | null, Branch | null][]} */
  const found = [...numbered(a)].map(([key, one]) => {
    const other = left.get(key) ?? null;
    left.delete(key);
    return [one, other];
  });
  return [...found, .../** @type {[null, Branch][]} */ ([...left.values()].map((other) => [null, other]))];
}

/** @param {Branch[]} branches @returns {Map<string, Branch>} */
function numbered(branches) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return new Map(branches.map((branch) => {
    const { stage, name } = branch.span;
    const kind = WHOLE.has(stage) ? stage : `${stage} ${name}`;
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return [`${kind} ${count}`, branch];
  }));
}

/** @param {[Branch | null, Branch | null][]} found */
function sorted(found) {
  const begin = (/** @type {[Branch | null, Branch | null]} */ [a, b]) => (a ?? b)?.span.start_ms ?? 0;
  return found.sort((one, other) => begin(one) - begin(other));
}
