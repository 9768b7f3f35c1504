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
 * @typedef {object} ListFields the fields of an entry of the list that are not in the summary
 * @property {number} server_ms the duration without the client's own time
 * @property {string[]} user_ids the signed-in user, and the user in the path
 * @property {boolean} background whether the list hides the request by default
 *
 * @typedef {Summary & ListFields} Entry
 * @typedef {Record<string, string>} Filter the query parameters of the list that are set
 * @typedef {{items: Entry[], next_cursor: string | null, total: number}} Page
 *
 * @typedef {object} RouteStatistics
 * @property {string | null} method
 * @property {string | null} route
 * @property {number} requests
 * @property {number | null} per_second
 * @property {number} client_errors
 * @property {number} server_errors
 * @property {number} p50_ms
 * @property {number} p95_ms
 * @property {number} p99_ms
 * @property {number[]} histogram the number of requests in each bar; the last bar has no upper bound
 *
 * @typedef {{items: RouteStatistics[], bounds_ms: number[], requests: number, seconds: number}} Statistics
 *
 * @typedef {object} Span
 * @property {string} id
 * @property {string | null} parent_id
 * @property {string} process
 * @property {string} stage
 * @property {string} name
 * @property {number} start_ms relative to the start of the trace
 * @property {number} duration_ms
 * @property {number} depth below the root
 * @property {boolean} error
 * @property {string | null} problem the code of the service's problem document for the exception
 * @property {string | null} problem_detail what has happened, and what the client should do next
 * @property {Record<string, unknown>} attributes
 * @property {{file: string, line: number, function: string | null} | null} code
 *
 * @typedef {object} TraceFields the fields of a trace that are not in the summary
 * @property {Span[]} spans in the order of the waterfall
 * @property {number} untraced_ms
 * @property {string | null} previous_trace_id the previous request to the same route
 *
 * @typedef {Summary & TraceFields} Trace
 * @typedef {{sql: string, plan: string[]}} Plan
 * @typedef {{file: string | null, lines: string[]}} Logs
 * @typedef {{file: string, first_line: number, lines: string[], line: number}} Source
 *
 * @typedef {object} Message the summary of a message
 * @property {number} id
 * @property {string} from
 * @property {string[]} to the recipients of the SMTP command
 * @property {string} subject
 * @property {string | null} date from the message itself, RFC 3339
 * @property {string} received_at RFC 3339
 * @property {number} size_bytes
 *
 * @typedef {Message & {headers: [string, string][], text: string, html: string | null, links: string[]}} WholeMessage
 */

/** A request to the collector failed. The page shows the message to the user. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 if there was no response
   * @param {string} [parameter] the query parameter that caused the error
   */
  constructor(message, status, parameter) {
    super(message);
    this.status = status;
    this.parameter = parameter;
  }
}

const UNREACHABLE = "The collector is unreachable. If the stack is not running, start it with make up.";
const EXPIRED = "The collector no longer has this request. It keeps the last 1,000 requests, and loses them when it restarts.";

/**
 * Read a page of the requests that match the filter, newest first.
 *
 * @param {Filter} filter
 * @param {string} [cursor]
 * @returns {Promise<Page>}
 */
export function requestPage(filter, cursor) {
  return read(`/lab/api/traces?${new URLSearchParams({ ...filter, ...(cursor && { cursor }) })}`);
}

/** @returns {Promise<Statistics>} */
export function statistics() {
  return read("/lab/api/routes");
}

/** @param {string} id @returns {Promise<Trace>} */
export function trace(id) {
  return read(`/lab/api/traces/${encodeURIComponent(id)}`, EXPIRED);
}

/** @param {string} traceId @param {string} spanId @returns {Promise<Plan>} */
export function plan(traceId, spanId) {
  return read(`/lab/api/traces/${encodeURIComponent(traceId)}/spans/${encodeURIComponent(spanId)}/plan`);
}

/** @param {string} id @returns {Promise<Logs>} the service's log lines; `file` is null if there is no log file */
export function logs(id) {
  return read(`/lab/api/traces/${encodeURIComponent(id)}/logs`, EXPIRED);
}

/** @param {string} file @param {number} line @returns {Promise<Source>} */
export function source(file, line) {
  return read(`/lab/api/source?${new URLSearchParams({ file, line: String(line) })}`);
}

/** @returns {Promise<Message[]>} newest first */
export async function messages() {
  return (await read("/lab/api/mail?limit=200")).items;
}

/** @param {string} id @returns {Promise<WholeMessage>} */
export function message(id) {
  return read(`/lab/api/mail/${encodeURIComponent(id)}`);
}

/**
 * @param {string} url
 * @param {string} [notFound] the message for a 404
 * @returns {Promise<any>}
 */
async function read(url, notFound) {
  const response = await get(url).catch(() => pause().then(() => get(url))).catch(() => {
    throw new ApiError(UNREACHABLE, 0);
  });
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  if (response.status === 404 && notFound) throw new ApiError(notFound, 404);
  // If the collector is down, the load balancer responds instead, with a Retry-After header.
  if (body === null || response.headers.has("Retry-After")) throw new ApiError(UNREACHABLE, response.status);
  throw new ApiError(body.detail || body.title || UNREACHABLE, response.status, body.errors?.[0]?.parameter);
}

/** @param {string} url */
function get(url) {
  return fetch(url, { headers: { Accept: "application/json" } });
}

/**
 * Wait for a moment before a second attempt. A browser closes its connections when the machine's
 * networks change, for example when a container starts. After a moment, it can connect again.
 */
function pause() {
  return new Promise((resolve) => setTimeout(resolve, 250));
}
