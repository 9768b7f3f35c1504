// @ts-check
import { source } from "../collector/api.js";
import { el, setProperties } from "../ui/dom.js";

/**
 * Show the source code of a stage's function.
 *
 * @param {{file: string, line: number, function: string | null}} code
 * @returns {HTMLElement} the lines are added when they have loaded
 */
export function sourceOf(code) {
  const place = el("div", {}, el("p", { class: "soft" }, "Loading"));
  source(code.file, code.line).then(
    (excerpt) => place.replaceChildren(listing(excerpt)),
    (error) => place.replaceChildren(el("p", { class: "failure" }, error.message)),
  );
  // The path above the code already contains the module's name, so the function's name is shown without it.
  const module = `${code.file.replace(/\.py$/, "").replaceAll("/", ".")}.`;
  const name = code.function?.startsWith(module) ? code.function.slice(module.length) : code.function;
  return el("section", { class: "source" },
    el("h3", {}, "Source code"),
    el("p", { class: "where-in-source" }, el("code", {}, `${code.file}:${code.line}`), " ", el("span", { class: "soft" }, name ?? "")),
    place);
}

/** @param {string[]} lines @returns {string[]} without their common indentation */
function dedented(lines) {
  const depth = Math.min(...lines.filter((text) => text.trim()).map((text) => text.search(/\S/)));
  return Number.isFinite(depth) ? lines.map((text) => text.slice(depth)) : lines;
}

/** @param {import("../collector/api.js").Source} excerpt */
function listing({ file, first_line: first, lines, line }) {
  const items = dedented(lines).map((text, at) => {
    const marked = first + at === line;
    return el("li", { class: marked && "marked", "aria-current": marked && "true" },
      el("code", {}, marked ? el("mark", {}, text || " ") : text || " "));
  });
  const list = setProperties(el("ol", { class: "listing" }, ...items), { before: first - 1 });
  // Long lines scroll, so keyboard users must be able to focus the region.
  return el("div", { class: "code", role: "region", tabindex: "0", "aria-label": `${file}, from line ${first}` }, list);
}
