// @ts-check
import { el } from "../ui/dom.js";
import { isSafe, pieces } from "./links.js";

/** @typedef {import("../collector/api.js").WholeMessage} WholeMessage */

/**
 * Show one message. The message is untrusted, so its HTML is shown as text.
 *
 * @param {WholeMessage} message
 * @returns {HTMLElement[]}
 */
export function messageView(message) {
  const { subject, text, html, links, headers } = message;
  const shown = [
    el("h2", { id: "message-title", tabindex: "-1" }, subject || "(no subject)"),
    el("dl", { class: "figures" }, ...facts(message)),
    el("div", { class: "text" }, ...(text.trim() ? linked(text, links) : [el("p", { class: "soft" }, "The message has no text.")])),
  ];
  const others = links.filter((link) => !text.includes(link));
  if (others.length > 0) shown.push(linkList(others));
  if (html) shown.push(source("HTML source", html));
  shown.push(source("Header", headers.map(([name, value]) => `${name}: ${value}`).join("\n")));
  return shown;
}

/** @param {WholeMessage} message */
function facts({ from, to, received_at: receivedAt }) {
  const entries = [["From", from], ["To", to.join(", ")], ["Received", new Date(receivedAt).toLocaleString()]];
  return entries.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]);
}

/** @param {string} text @param {string[]} links @returns {(Node | string)[]} */
function linked(text, links) {
  return pieces(text, links).map((piece) => (piece.isLink ? anchor(piece.text) : piece.text));
}

/** @param {string} href */
function anchor(href) {
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, href);
}

/** @param {string[]} links */
function linkList(links) {
  return el("section", {}, el("h3", {}, "Links in the HTML"),
    el("ul", {}, ...links.filter(isSafe).map((link) => el("li", {}, anchor(link)))));
}

/** @param {string} title @param {string} text */
function source(title, text) {
  return el("details", {}, el("summary", {}, title),
    el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": title }, el("code", {}, text)));
}
