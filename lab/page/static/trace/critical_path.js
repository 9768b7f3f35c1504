// @ts-check
import { endOf, rows } from "./outline.js";

/**
 * An interval of the critical path. During this interval, the span `id` is on the path.
 *
 * @typedef {import("./outline.js").Branch} Branch
 * @typedef {{id: string, start_ms: number, duration_ms: number}} Section
 */

/** The stages of a job. The request that inserts a job never waits for it. */
const OF_JOBS = new Set(["queued", "job"]);

/** @param {{stage: string}} span */
export function isJob({ stage }) {
  return OF_JOBS.has(stage);
}

/**
 * Return the critical path of a request: the chain of stages that determined its duration. At each
 * moment, exactly one stage is on the path, so the sections add up to the duration of the root.
 *
 * The walk goes back in time from the end of the root. It takes the child that ended last, continues at
 * the start of this child, and so on. A child counts only until the time that the walk has reached. So a
 * child that outlasts its parent counts until the parent's end. While no child counts, the parent itself
 * is on the path. Jobs do not count.
 *
 * @param {Branch[]} roots the first root is the request
 * @returns {Section[]} ordered by time
 */
export function criticalPath(roots) {
  if (roots.length === 0) return [];
  const { span } = roots[0];
  return walk(roots[0], span.start_ms, endOf(span)).reverse();
}

/** @param {Branch} node @param {number} from @param {number} until @returns {Section[]} the last section first */
function walk(node, from, until) {
  /** @type {Section[]} */
  const sections = [];
  let at = until;
  const addOwn = (/** @type {number} */ start) => {
    if (at > start) sections.push({ id: node.span.id, start_ms: start, duration_ms: at - start });
  };
  const lastFirst = node.children.filter((child) => !isJob(child.span)).sort((one, other) => endOf(other.span) - endOf(one.span));
  for (const child of lastFirst) {
    const start = Math.max(child.span.start_ms, from);
    const end = Math.min(endOf(child.span), at);
    if (start >= end) continue;
    addOwn(end);
    sections.push(...walk(child, start, end));
    at = start;
  }
  addOwn(from);
  return sections;
}

/**
 * Return the stages that have the largest parts of the critical path. A stage's part is the sum of its
 * sections.
 *
 * @param {Section[]} path
 * @param {Branch[]} roots
 * @param {number} count
 * @returns {{stage: string, duration_ms: number}[]} the largest first
 */
export function largestParts(path, roots, count) {
  const stages = new Map(rows(roots).map(({ span }) => [span.id, span.stage]));
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { id, duration_ms: time } of path) {
    const stage = stages.get(id) ?? id;
    sums.set(stage, (sums.get(stage) ?? 0) + time);
  }
  return [...sums].map(([stage, time]) => ({ stage, duration_ms: time }))
    .sort((one, other) => other.duration_ms - one.duration_ms).slice(0, count);
}

/**
 * Return how long each stage continued after its parent had ended. A job usually does so.
 *
 * @param {Branch[]} roots
 * @returns {Map<string, number>} ms by the id of the span
 */
export function overruns(roots) {
  const pairs = rows(roots).flatMap((parent) => parent.children.map(({ span }) => ({ span, parent: parent.span })));
  return new Map(pairs
    .map(({ span, parent }) => /** @type {[string, number]} */ ([span.id, endOf(span) - endOf(parent)]))
    .filter(([, time]) => time > 0));
}
