// @ts-check

/** @typedef {import("../collector/api.js").Entry} Entry */

/**
 * Sort requests, the newest first. Of several versions of a request, the last version counts. Requests
 * older than the cursor are left out, because the list could have a gap between them and the cursor.
 *
 * @param {Entry[]} entries
 * @param {string | null} cursor
 * @param {number} maxRows
 * @returns {{entries: Entry[], cursor: string | null}} at most `maxRows`, and the new end of the list
 */
export function merged(entries, cursor, maxRows) {
  const sorted = [...new Map(entries.map((it) => [it.trace_id, it])).values()]
    .filter((it) => cursor === null || positionOf(it) >= cursor)
    .sort((one, other) => (positionOf(one) < positionOf(other) ? 1 : -1));
  const kept = sorted.slice(0, maxRows);
  return { entries: kept, cursor: kept.length < sorted.length ? positionOf(kept[maxRows - 1]) : cursor };
}

/** Return the sort key of the list, which is also the collector's cursor. @param {Entry} entry */
function positionOf({ started_at: startedAt, trace_id: id }) {
  return `${startedAt}_${id}`;
}
