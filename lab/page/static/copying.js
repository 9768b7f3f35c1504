// @ts-check
import { header, headersOf, REDACTED } from "./http_headers.js";

/** @typedef {import("./api.js").Trace} Trace */

/** Headers that each client sets itself, or that belong to one request only. */
const OMITTED = new Set(["accept-encoding", "content-length", "cookie", "authorization", "origin", "sec-fetch-site",
  "user-agent", "x-request-id"]);

/** What stands for a secret: the user sets these variables of the shell. @type {Record<string, string>} */
const VARIABLES = { authorization: '"Authorization: Bearer $TOKEN"', cookie: '"Cookie: $COOKIE"' };

/**
 * @param {Trace} trace
 * @param {string} origin
 * @returns {string} a command for curl. A body is not recorded, so it is read from body.json
 */
export function asCurl(trace, origin) {
  const body = hasBody(trace) ? ["--data", "@body.json"] : [];
  return ["curl", "-i", ...method(trace), quoted(urlOf(trace, origin)),
    ...headerArguments(trace, ": ").flatMap((it) => ["-H", it]), ...body].join(" ");
}

/** @param {Trace} trace @param {string} origin @returns {string} a command for HTTPie, in the same way */
export function asHttpie(trace, origin) {
  const items = headerArguments(trace, ":").map((it) => it.replace('"Authorization: ', '"Authorization:').replace('"Cookie: ', '"Cookie:'));
  return ["http", quoted(trace.method ?? "GET"), quoted(urlOf(trace, origin)), ...items,
    ...(hasBody(trace) ? ["< body.json"] : [])].join(" ");
}

/** @param {Trace} trace @returns {string[]} */
function method({ method: name }) {
  if (name === "HEAD") return ["--head"];
  return name === "GET" || name === null ? [] : ["-X", quoted(name)];
}

/** @param {Trace} trace @param {string} separator @returns {string[]} */
function headerArguments(trace, separator) {
  const { request } = headersOf(trace);
  const shown = request.filter(([name, value]) => !OMITTED.has(name) && value !== REDACTED && !(name === "accept" && value === "*/*"));
  const secret = Object.keys(VARIABLES).filter((name) => header(request, name) !== null);
  return [...shown.map(([name, value]) => quoted(`${canonical(name)}${separator}${value}`)), ...secret.map((name) => VARIABLES[name])];
}

/** @param {Trace} trace */
export function hasBody(trace) {
  return Number(header(headersOf(trace).request, "content-length") ?? 0) > 0;
}

/** @param {Trace} trace @param {string} origin the query is known only if the client has reported it */
function urlOf(trace, origin) {
  const full = trace.spans.find((span) => span.stage === "request")?.attributes["url.full"];
  const query = typeof full === "string" && URL.canParse(full) ? new URL(full).search.replaceAll("%E2%80%A6", "…") : "";
  return `${origin}${trace.path ?? "/"}${query}`;
}

/** @param {string} name @returns {string} such as If-Match */
function canonical(name) {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Quote a text for a shell. Any client can choose these texts, so nothing in them may become a command.
 *
 * @param {string} text
 */
export function quoted(text) {
  // deno-lint-ignore no-control-regex -- a control character could act on the terminal.
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "");
  return /^[\w./:@-]+$/.test(visible) ? visible : `'${visible.replaceAll("'", "'\\''")}'`;
}
