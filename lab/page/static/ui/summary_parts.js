// @ts-check
import { el } from "./dom.js";

/** @typedef {import("../collector/api.js").Summary} Summary */

/** @param {Summary} summary @returns {Node[]} method and route */
export function call({ method, route, path }) {
  return [
    el("span", { class: "method" }, method ?? "?"),
    el("span", { class: "route", title: path }, ` ${route ?? path ?? "unknown"}`),
  ];
}

/** @param {number | null} code @returns {HTMLElement} */
export function status(code) {
  const kind = code === null ? "none" : `s${Math.floor(code / 100)}`;
  return el("span", { class: `status ${kind}` }, code === null ? "no response" : String(code));
}

/** @param {string | null} outcome @returns {HTMLElement | null} */
export function cache(outcome) {
  if (!outcome) return null;
  return el("span", { class: `outcome ${outcome}` }, el("span", { class: "visually-hidden" }, "cache "), outcome);
}
