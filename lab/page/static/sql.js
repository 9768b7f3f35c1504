// @ts-check
import { el } from "./dom.js";

/** Where a value goes; the value itself is in no span. */
const PLACEHOLDER = /(%\(\w+\)s(?:::\w+(?: WITH(?:OUT)? TIME ZONE)?)?)/;
const QUOTED = /('(?:[^']|'')*'|"(?:[^"]|"")*")/;
const CLAUSES = [
  "SELECT", "FROM", "WHERE", "AND", "OR", "(?:LEFT OUTER |LEFT |INNER |CROSS )?JOIN", "GROUP BY", "HAVING",
  "ORDER BY", "LIMIT", "OFFSET", "FOR UPDATE", "FOR SHARE", "INSERT INTO", "VALUES", "ON CONFLICT", "DO UPDATE",
  "DO NOTHING", "RETURNING", "UPDATE", "SET", "DELETE FROM", "WITH(?! TIME| ORDINALITY)", "UNION(?: ALL)?",
];
const CLAUSE = new RegExp(`\\b(${CLAUSES.join("|")})\\b`, "gi");
/** Parts of a condition stand deeper than what they belong to. */
const DEEPER = /^(AND|OR)$/i;

/**
 * Break a statement into lines, one for each clause. What is quoted stays as it is.
 *
 * @param {string} statement
 * @returns {string}
 */
export function lines(statement) {
  const parts = statement.split(QUOTED).map((part, at) => (at % 2 ? part : broken(part)));
  return parts.join("").split("\n").map((line) => line.trimEnd()).filter(Boolean).join("\n");
}

/** @param {string} part */
function broken(part) {
  const flat = part.replace(/\s+/g, " ");
  // "FOR UPDATE" and "DO UPDATE SET" are one clause each, as the longer words are found first.
  const clauses = flat.replace(CLAUSE, (word) => `\n${DEEPER.test(word) ? "  " : ""}${word}`);
  return clauses.replace(/\n(\s*)(DO UPDATE)\s*\nSET/gi, "\n$1$2 SET");
}

/** @param {string} statement @returns {HTMLElement} to read, with its keywords set apart */
export function readable(statement) {
  const code = el("code");
  for (const [at, part] of lines(statement).split(QUOTED).entries()) {
    if (at % 2) code.append(part);
    else code.append(...part.split(PLACEHOLDER).flatMap((word, odd) => (odd % 2 ? [value(word)] : keywords(word))));
  }
  return el("pre", { class: "code wraps" }, code);
}

/** @param {string} placeholder */
function value(placeholder) {
  return el("span", { class: "value" }, placeholder);
}

/** @param {string} text @returns {(Node | string)[]} */
function keywords(text) {
  return text.split(CLAUSE).map((word, odd) => (odd % 2 ? el("b", {}, word) : word));
}
