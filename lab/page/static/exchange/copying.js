// @ts-check
import { header, headersOf, REDACTED } from "../trace/http_headers.js";

/** @typedef {import("../collector/api.js").Trace} Trace */

/** Headers that each client sets itself, or that belong to one request only. */
const OMITTED = new Set(["accept-encoding", "content-length", "cookie", "authorization", "user-agent", "x-request-id"]);

/** The shell variables that replace secrets. The user sets them. @type {Record<string, string>} */
const VARIABLES = { authorization: '"Authorization: Bearer $TOKEN"', cookie: '"Cookie: $COOKIE"' };

/**
 * Return whether a command can send this request again. Any program can send a trace, with any text as
 * its method and path. If a request has no route, the service records REDACTED in place of the path.
 *
 * @param {Trace} trace
 */
export function isRepeatable({ method, path }) {
  return /^[A-Z]+$/.test(String(method)) && String(path).startsWith("/");
}

/**
 * @param {Trace} trace a repeatable request
 * @param {string} origin
 * @returns {string} a command for curl. No body is recorded, so the command reads the body from body.json
 */
export function asCurl(trace, origin) {
  const url = urlOf(trace, origin);
  const options = /[{}[\]]/.test(url) ? ["--globoff"] : [];
  const body = hasBody(trace) ? ["--data-binary", "@body.json"] : [];
  return ["curl", "-i", ...options, ...method(trace), quoted(url),
    ...headerArguments(trace).flatMap((it) => ["-H", it]), ...body].join(" ");
}

/** @param {Trace} trace @param {string} origin @returns {string} a command for HTTPie, in the same way */
export function asHttpie(trace, origin) {
  return ["http", trace.method, quoted(urlOf(trace, origin)), ...headerArguments(trace),
    ...(hasBody(trace) ? ["< body.json"] : [])].join(" ");
}

/** @param {Trace} trace @param {string} origin @returns {string[]} what the user must add to a command before running it */
export function missing(trace, origin) {
  const { request } = headersOf(trace);
  const hasQuery = trace.spans.some(({ attributes }) => "url.query" in attributes);
  const url = new URL(urlOf(trace, origin));
  return [
    url.pathname.includes("%7B") && "The service does not record every part of a path. Replace the names in braces.",
    hasQuery && !url.search && "The query is not recorded: add it to the URL.",
    url.search.includes("%E2%80%A6") && "Replace each … in the query by its value.",
    hasBody(trace) && "The body is not recorded: write it to body.json.",
    header(request, "authorization") !== null && "Set TOKEN to your access token.",
    header(request, "cookie") !== null && "Set COOKIE to the value of your Cookie header.",
  ].filter((it) => it !== false);
}

/** @param {Trace} trace @returns {string[]} */
function method({ method: name }) {
  if (name === "HEAD") return ["--head"];
  return name === "GET" ? [] : ["-X", String(name)];
}

/**
 * Return the headers as arguments. HTTPie would take the value of `Name:@file` from that file, so a blank
 * follows each colon. HTTPie has more separators, so a header is left out if its name has other characters
 * than letters, digits and hyphens.
 *
 * @param {Trace} trace
 * @returns {string[]}
 */
function headerArguments(trace) {
  const { request } = headersOf(trace);
  const shown = request.filter(([name, value]) => /^[a-z][a-z0-9-]*$/.test(name) && !OMITTED.has(name)
    && value !== REDACTED && !(name === "accept" && value === "*/*"));
  const secret = Object.keys(VARIABLES).filter((name) => header(request, name) !== null);
  return [...shown.map(([name, value]) => quoted(`${canonical(name)}: ${value}`)), ...secret.map((name) => VARIABLES[name])];
}

/** @param {Trace} trace */
function hasBody(trace) {
  return Number(header(headersOf(trace).request, "content-length") ?? 0) > 0;
}

/** @param {Trace} trace @param {string} origin @returns {string} without the query if the client sent no spans */
function urlOf(trace, origin) {
  const url = new URL(origin);
  url.pathname = trace.path ?? "/";
  const full = trace.spans.find((span) => span.stage === "request")?.attributes["url.full"];
  if (typeof full === "string" && URL.canParse(full)) url.search = new URL(full).search;
  const readable = { "%7B": "{", "%7D": "}", "%E2%80%A6": "…" };
  return Object.entries(readable).reduce((text, [encoded, it]) => text.replaceAll(encoded, it), url.href);
}

/** @param {string} name @returns {string} such as If-Match */
function canonical(name) {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/**
 * Quote a text for a shell. Any client can choose these texts, so a text must not become a command.
 *
 * @param {string} text
 */
export function quoted(text) {
  // deno-lint-ignore no-control-regex -- a control character could act on the terminal.
  const visible = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "");
  return /^[\w./:@-]+$/.test(visible) ? visible : `'${visible.replaceAll("'", "'\\''")}'`;
}
