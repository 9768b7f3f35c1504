// @ts-check
import { logs } from "./api.js";
import { asCurl, asHttpie, isRepeatable, missing } from "./copying.js";
import { el } from "./dom.js";
import { headersOf } from "./http_headers.js";
import { isFailure } from "./problem.js";
import { retry } from "./retry.js";

/** @typedef {import("./api.js").Trace} Trace @typedef {import("./http_headers.js").Headers} Headers */

/**
 * Show what a request was besides its stages: headers, log lines, and commands that repeat it. The
 * parts are folded.
 *
 * @param {Trace} trace
 * @returns {HTMLElement[]}
 */
export function exchange(trace) {
  return [headersFold(trace), logsFold(trace), copyButtons(trace)];
}

/** @param {Trace} trace */
function headersFold(trace) {
  const { request, response } = headersOf(trace);
  // If the request has failed, the retry is explained above the waterfall.
  const failed = isFailure(trace);
  return fold("headers", failed ? "Headers" : "Headers and retry",
    !failed && el("p", {}, el("strong", {}, "Retry: "), retry(trace)),
    el("div", { class: "sides" }, list("Request", request), list("Response", response)),
    el("p", { class: "soft" }, "These are the headers that the service reads or sets. The load balancer records them. Of a secret, it records only that it was sent."));
}

/** @param {string} title @param {Headers} headers */
function list(title, headers) {
  const entries = headers.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("div", {}, el("h3", {}, title),
    entries.length > 0 ? el("dl", { class: "attributes" }, ...entries) : el("p", { class: "soft" }, "No header was recorded."));
}

/** @param {Trace} trace */
function logsFold(trace) {
  const place = el("div", { role: "status" });
  const folded = fold("logs", "Log lines", place);
  folded.addEventListener("toggle", async () => {
    if (/** @type {HTMLDetailsElement} */ (folded).open) place.replaceChildren(await logged(trace.trace_id));
  });
  return folded;
}

/** @param {string} id @returns {Promise<HTMLElement>} */
async function logged(id) {
  try {
    const { file, lines } = await logs(id);
    if (file === null) return el("p", {}, "The service writes its log to the terminal in which `make up` runs. With `make start`, it writes a file, and its lines are shown here.");
    if (lines.length === 0) return el("p", {}, `No line of this request is at the end of ${file}.`);
    return el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": `Log lines from ${file}` }, el("code", {}, lines.join("\n")));
  } catch (error) {
    return el("p", { class: "failure" }, /** @type {Error} */ (error).message);
  }
}

/** @param {Trace} trace */
function copyButtons(trace) {
  const said = el("p", { class: "soft", role: "status" });
  const text = el("code");
  const shown = el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": "Copied text", hidden: true }, text);
  const button = (/** @type {string} */ name, /** @type {() => string} */ make, notes = missing(trace, location.origin)) =>
    el("button", {
      class: "quiet",
      onclick: async () => {
        text.textContent = make();
        shown.hidden = false;
        said.textContent = [await copy(text), ...notes].join(" ");
      },
    }, name);
  const commands = isRepeatable(trace) && [
    button("Copy as curl", () => asCurl(trace, location.origin)),
    button("Copy as HTTPie", () => asHttpie(trace, location.origin)),
  ];
  return el("div", { class: "copy" },
    el("p", { class: "actions" }, ...(commands || []), button("Copy link", () => location.href, [])),
    !commands && el("p", { class: "soft" }, "There is no command that repeats this request, because its method or its path is not recorded."),
    said, shown);
}

/** @param {HTMLElement} code @returns {Promise<string>} what the user has to know */
async function copy(code) {
  try {
    // A page that was not loaded over HTTPS or from localhost has no clipboard.
    await navigator.clipboard.writeText(code.textContent ?? "");
    return "Copied.";
  } catch {
    getSelection()?.selectAllChildren(code);
    return "The browser does not allow this page to copy. The text below is selected: copy it with the keyboard.";
  }
}

/** @param {string} name @param {string} title @param {...(HTMLElement | false)} content */
function fold(name, title, ...content) {
  return el("details", { class: "fold", "data-fold": name }, el("summary", {}, title), ...content);
}
