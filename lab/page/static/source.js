// @ts-check
import { source } from "./api.js";
import { el, shape } from "./dom.js";

/**
 * The function of a stage, as it stands in the source.
 *
 * @param {{file: string, line: number, function: string | null}} code
 * @returns {HTMLElement} its lines come later
 */
export function sourceOf(code) {
  const place = el("div", {}, el("p", { class: "soft" }, "Reading it"));
  source(code.file, code.line).then(
    (found) => place.replaceChildren(listing(found)),
    (trouble) => place.replaceChildren(el("p", { class: "trouble" }, trouble.message)),
  );
  // The path says the module already.
  const module = `${code.file.replace(/\.py$/, "").replaceAll("/", ".")}.`;
  const name = code.function?.startsWith(module) ? code.function.slice(module.length) : code.function;
  return el("section", { class: "source" },
    el("h3", {}, "In the source"),
    el("p", { class: "where-in-source" }, el("code", {}, `${code.file}:${code.line}`), " ", el("span", { class: "soft" }, name ?? "")),
    place);
}

/** @param {string[]} lines @returns {string[]} without what all of them are indented by */
function dedented(lines) {
  const depth = Math.min(...lines.filter((text) => text.trim()).map((text) => text.search(/\S/)));
  return Number.isFinite(depth) ? lines.map((text) => text.slice(depth)) : lines;
}

/** @param {import("./api.js").Source} found */
function listing({ file, first_line: first, lines, line }) {
  const items = dedented(lines).map((text, at) => {
    const marked = first + at === line;
    return el("li", { class: marked && "marked", "aria-current": marked && "true" },
      el("code", {}, marked ? el("mark", {}, text || " ") : text || " "));
  });
  const list = shape(el("ol", { class: "listing" }, ...items), { before: first - 1 });
  // Long lines scroll, and what scrolls has to be reachable by keyboard.
  return el("div", { class: "code", role: "region", tabindex: "0", "aria-label": `${file}, from line ${first} on` }, list);
}
