// @ts-check

/**
 * @typedef {object} Summary
 * @property {string} trace_id
 * @property {string} started_at RFC 3339, with microseconds
 * @property {number} duration_ms
 * @property {string | null} method
 * @property {string | null} path
 * @property {string | null} route
 * @property {number | null} status
 * @property {string[]} processes
 * @property {number} stages
 * @property {string | null} cache
 * @property {string | null} request_id
 *
 * @typedef {object} Span
 * @property {string} id
 * @property {string | null} parent_id
 * @property {string} process
 * @property {string} stage
 * @property {string} name
 * @property {number} start_ms from the beginning of the trace
 * @property {number} duration_ms
 * @property {boolean} error
 * @property {Record<string, unknown>} attributes
 * @property {{file: string, line: number, function: string | null} | null} code
 *
 * @typedef {Summary & {spans: Span[], unnamed_ms: number}} Trace
 * @typedef {{sql: string, plan: string[]}} Plan
 * @typedef {{file: string, first_line: number, lines: string[], line: number}} Source
 */

/** What could not be had, in one sentence for a person. */
export class Trouble extends Error {
  /** @param {string} message @param {number} status 0 when nobody has answered */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const AWAY = "The collector cannot be reached. Is the stack running? Start it with make up.";
const GONE = "This request is no longer kept: the collector remembers the last 1,000 since it was started.";

/** @returns {Promise<Summary[]>} newest first */
export async function summaries() {
  return (await read("/lab/api/traces?limit=50")).items;
}

/** @param {string} id @returns {Promise<Trace>} */
export function trace(id) {
  return read(`/lab/api/traces/${encodeURIComponent(id)}`, GONE);
}

/** @param {string} traceId @param {string} spanId @returns {Promise<Plan>} */
export function plan(traceId, spanId) {
  return read(`/lab/api/traces/${encodeURIComponent(traceId)}/spans/${encodeURIComponent(spanId)}/plan`);
}

/** @param {string} file @param {number} line @returns {Promise<Source>} */
export function source(file, line) {
  return read(`/lab/api/source?${new URLSearchParams({ file, line: String(line) })}`);
}

/**
 * @param {string} url
 * @param {string} [missing] what a 404 means here
 * @returns {Promise<any>}
 */
async function read(url, missing) {
  const response = await get(url).catch(() => pause().then(() => get(url))).catch(() => {
    throw new Trouble(AWAY, 0);
  });
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  if (response.status === 404 && missing) throw new Trouble(missing, 404);
  // The load balancer answers in the collector's place when that is away, and says when to come again.
  if (body === null || response.headers.has("Retry-After")) throw new Trouble(AWAY, response.status);
  throw new Trouble(body.detail || body.title || AWAY, response.status);
}

/** @param {string} url */
function get(url) {
  return fetch(url, { headers: { Accept: "application/json" } });
}

/**
 * A browser drops its connections when the machine's networks change, as they do whenever a
 * container starts; a moment later all is well.
 */
function pause() {
  return new Promise((resolve) => setTimeout(resolve, 250));
}
