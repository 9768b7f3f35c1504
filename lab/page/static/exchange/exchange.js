// @ts-check
import { logs } from "../collector/api.js";
import { asCurl, asHttpie, isRepeatable, missing } from "./copying.js";
import { announce, el } from "../ui/dom.js";
import { headersOf } from "../trace/http_headers.js";
import { isFailure } from "../trace/problem.js";
import { retry } from "./retry.js";

/** @typedef {import("../collector/api.js").Trace} Trace @typedef {import("../trace/http_headers.js").Headers} Headers */

/**
 * Show a request's headers, its log lines, and commands that repeat it.
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
  // If the request has failed, the page explains the retry above the waterfall.
  const failed = isFailure(trace);
  return fold("headers", failed ? "Headers" : "Headers and retry",
    !failed && el("p", {}, el("strong", {}, "Retry: "), retry(trace)),
    el("div", { class: "sides" }, list("Request", request), list("Response", response)),
    el("p", { class: "soft" }, "The load balancer records only the headers that the service reads or sets. For a secret, it records only that the header was sent."));
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
    if (file === null) {
      return el("p", {}, "There is no log file: ", el("code", {}, "make up"), " writes the log to its terminal. Start the stack with ",
        el("code", {}, "make start"), " to see the lines here.");
    }
    if (lines.length === 0) return el("p", {}, `The end of ${file} has no line with this trace id.`);
    return el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": `Log lines from ${file}` }, el("code", {}, lines.join("\n")));
  } catch (error) {
    return el("p", { class: "failure" }, /** @type {Error} */ (error).message);
  }
}

/** @param {Trace} trace */
function copyButtons(trace) {
  const button = (/** @type {string} */ name, /** @type {() => string} */ make, notes = missing(trace, location.origin)) =>
    el("button", {
      class: "quiet",
      // Each click looks up the place, because the page may have drawn these buttons again.
      onclick: (/** @type {Event} */ event) => copy(make(), notes,
        /** @type {HTMLElement} */ (event.currentTarget).closest(".copy")?.querySelector(".copied")),
    }, name);
  const commands = isRepeatable(trace) && [
    button("Copy as curl", () => asCurl(trace, location.origin)),
    button("Copy as HTTPie", () => asHttpie(trace, location.origin)),
  ];
  return el("div", { class: "copy" },
    el("p", { class: "actions" }, ...(commands || []), button("Copy link", () => location.href, [])),
    !commands && el("p", { class: "soft" }, "There is no command that repeats this request, because its method or its path is not recorded."),
    el("div", { class: "copied" }));
}

/** @param {string} text @param {string[]} notes what the user must do before using the text @param {Element | null | undefined} place */
async function copy(text, notes, place) {
  // Only a page that was loaded over HTTPS or from localhost has a clipboard.
  const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  const said = [isCopied ? "Copied." : "The browser does not allow this page to copy. Copy the selected text with the keyboard.", ...notes].join(" ");
  const code = el("code", {}, text);
  place?.replaceChildren(el("p", { class: "soft" }, said),
    el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": "Copied text" }, code));
  if (!isCopied) getSelection()?.selectAllChildren(code);
  announce(said);
}

/** @param {string} name @param {string} title @param {...(HTMLElement | false)} content */
function fold(name, title, ...content) {
  return el("details", { class: "fold", "data-fold": name }, el("summary", {}, title), ...content);
}
