// @ts-check

/** @typedef {{text: string, isLink: boolean}} Piece */

/**
 * Split a text at its links.
 *
 * @param {string} text
 * @param {string[]} links the links of the message; some of them may not be in the text
 * @returns {Piece[]} the whole text in its order
 */
export function pieces(text, links) {
  // If one link is the beginning of another link, the longer link must come first in the pattern.
  const longestFirst = [...new Set(links)].filter(isSafe).sort((one, other) => other.length - one.length);
  if (longestFirst.length === 0) return [{ text, isLink: false }];
  const pattern = new RegExp(`(${longestFirst.map(escaped).join("|")})`);
  // The pattern has a group, so `split` returns the links too: every second part is a link.
  return text.split(pattern)
    .map((part, at) => ({ text: part, isLink: at % 2 === 1 }))
    .filter((piece) => piece.text);
}

/** Return whether a link leads to a page, and runs no script. @param {string} link */
export function isSafe(link) {
  return /^https?:\/\//i.test(link);
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
