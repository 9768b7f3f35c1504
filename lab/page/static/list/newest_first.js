// @ts-check

/** @typedef {import("../collector/api.js").Entry} Entry */

/**
 * Sort requests, the newest first. Of several versions of a request, the last one counts. A request
 * below the cursor is left out: between it and the list, there are requests that the list does not have.
 *
 * @param {Entry[]} entries
 * @param {string | null} cursor
 * @param {number} maxRows
 * @returns {{entries: Entry[], cursor: string | null}} with the new cursor, which is higher if there are too many
 */
export function merged(entries, cursor, maxRows) {
  const sorted = [...new Map(entries.map((it) => [it.trace_id, it])).values()]
    .filter((it) => cursor === null || positionOf(it) >= cursor)
    .sort((one, other) => (positionOf(one) < positionOf(other) ? 1 : -1));
  const kept = sorted.slice(0, maxRows);
  return { entries: kept, cursor: kept.length < sorted.length ? positionOf(kept[maxRows - 1]) : cursor };
}

/** What the list is sorted by; the collector takes it as a cursor. @param {Entry} entry */
function positionOf({ started_at: startedAt, trace_id: id }) {
  return `${startedAt}_${id}`;
}
