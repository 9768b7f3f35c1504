// @ts-check
import { el } from "./dom.js";

/** @param {string} code @returns {HTMLElement} a link to the page that explains the problem */
export function problemLink(code) {
  return el("a", { class: "problem", href: `/problems/${encodeURIComponent(code)}` }, code);
}
