// @ts-check
import { el } from "../ui/dom.js";

/** A placeholder for a value. No span contains the value itself. */
const PLACEHOLDER = /(%\(\w+\)s(?:::\w+(?: WITH(?:OUT)? TIME ZONE)?)?)/;
const QUOTED = /('(?:[^']|'')*'|"(?:[^"]|"")*")/;
const CLAUSES = [
  "SELECT", "FROM", "WHERE", "AND", "OR", "(?:LEFT OUTER |LEFT |INNER |CROSS )?JOIN", "GROUP BY", "HAVING",
  "ORDER BY", "LIMIT", "OFFSET", "FOR UPDATE", "FOR SHARE", "INSERT INTO", "VALUES", "ON CONFLICT", "DO UPDATE",
  "DO NOTHING", "RETURNING", "UPDATE", "SET", "DELETE FROM", "WITH(?! TIME| ORDINALITY)", "UNION(?: ALL)?",
];
const CLAUSE = new RegExp(`\\b(${CLAUSES.join("|")})\\b`, "gi");
/** Parts of a condition are indented below their clause. */
const INDENTED = /^(AND|OR)$/i;

/**
 * Break a statement into lines, one for each clause. Quoted text stays unchanged.
 *
 * @param {string} statement
 * @returns {string}
 */
export function lines(statement) {
  const parts = statement.split(QUOTED).map((part, at) => (at % 2 ? part : brokenIntoLines(part)));
  return parts.join("").split("\n").map((line) => line.trimEnd()).filter(Boolean).join("\n");
}

/** @param {string} part */
function brokenIntoLines(part) {
  const flat = part.replace(/\s+/g, " ");
  // "FOR UPDATE" is one clause, because it is before "UPDATE" in CLAUSES. "DO UPDATE" and the "SET" after
  // it are two clauses, which are joined at the end.
  const clauses = flat.replace(CLAUSE, (word) => `\n${INDENTED.test(word) ? "  " : ""}${word}`);
  return clauses.replace(/\n(\s*)(DO UPDATE)\s*\nSET/gi, "\n$1$2 SET");
}

/** @param {string} statement @returns {HTMLElement} the statement with highlighted keywords */
export function formatted(statement) {
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
