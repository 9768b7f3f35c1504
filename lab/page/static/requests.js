// @ts-check
import { announce, byId, el, reconcile } from "./dom.js";
import { addKeys, saveFocus, setTabStop } from "./keys.js";
import { COLUMNS, markRow, requestRow } from "./request_row.js";

/** @typedef {import("./api.js").Entry} Entry */

/** The list shows at most this number of requests, until the user loads older ones. */
const MAX_ROWS = 200;

/** The live list of requests, newest on top. */
export class Requests {
  /**
   * @param {object} handlers
   * @param {(id: string) => void} handlers.choose
   * @param {(id: string) => void} handlers.compare
   * @param {() => void} handlers.loadOlder
   * @param {(entry: Entry) => string | null} handlers.slownessOf
   * @param {HTMLElement} empty is shown in place of an empty list
   */
  constructor({ choose, compare, loadOlder, slownessOf }, empty) {
    this.compare = compare;
    this.slownessOf = slownessOf;
    this.empty = empty;
    /** @type {Entry[]} newest first */
    this.all = [];
    /** @type {Map<string, Entry>} the requests that arrived while the list was in use */
    this.pending = new Map();
    this.maxRows = MAX_ROWS;
    this.hasOlder = false;
    this.frame = 0;
    /** Whether the collector has sent the list. */
    this.loaded = false;
    /** @type {{trace: string | null, a: string | null, b: string | null}} */
    this.marked = { trace: null, a: null, b: null };
    this.grid = el("div", { role: "grid", class: "grid", "aria-label": "Requests, newest first" });
    this.body = el("div", { role: "rowgroup" });
    this.grid.append(head(), this.body);
    this.more = el("button", { class: "more", hidden: true, onclick: () => this.showPending(true) });
    this.older = el("button", { class: "quiet older", hidden: true, onclick: loadOlder }, "Load older requests");
    this.scroller = el("div", { class: "scroller" }, this.grid, this.older);
    byId("list").replaceChildren(this.more, this.empty, this.scroller);
    addKeys(this.grid, {
      choose: (row) => choose(/** @type {string} */ (row.dataset.trace)),
      right: (row) => row.querySelector("button"),
      left: (row) => row,
    });
    for (const part of [this.scroller, this.more]) {
      for (const event of ["scroll", "pointerleave", "focusout"]) {
        part.addEventListener(event, () => setTimeout(() => this.showPending(false)));
      }
    }
    this.draw();
  }

  /** @returns {string | undefined} the collector's cursor for what is older than the last row */
  get cursor() {
    const last = this.all.at(-1);
    return last && positionOf(last);
  }

  /** Whether the list has this request, or will show it when the list is not in use. @param {string} id */
  has(id) {
    return this.pending.has(id) || this.all.some((it) => it.trace_id === id);
  }

  /** Show these requests and no others. @param {Entry[]} entries @param {boolean} hasOlder */
  reset(entries, hasOlder) {
    this.all = [];
    this.pending.clear();
    this.maxRows = MAX_ROWS;
    this.hasOlder = hasOlder;
    this.scroller.scrollTop = 0;
    this.put(entries);
    this.loaded = true;
    this.draw();
  }

  /** Add or update requests, in any order. @param {Entry[]} entries */
  add(entries) {
    const ids = new Set(this.all.map((it) => it.trace_id));
    const waits = (/** @type {Entry} */ it) => !ids.has(it.trace_id) && this.isInUse();
    for (const entry of entries.filter(waits)) this.pending.set(entry.trace_id, entry);
    this.put(entries.filter((it) => !waits(it)));
    this.drawSoon();
  }

  /** Add older requests below the others, and focus the first of them. @param {Entry[]} entries @param {boolean} hasOlder */
  addOlder(entries, hasOlder) {
    this.maxRows = Math.max(this.maxRows, this.all.length + entries.length);
    this.put(entries);
    this.hasOlder = hasOlder;
    this.draw();
    announce(`${entries.length} older requests are shown.`);
    const first = entries[0] && this.body.querySelector(`[data-trace="${CSS.escape(entries[0].trace_id)}"]`);
    /** @type {HTMLElement | null} */ (first)?.focus();
  }

  /** Draw at most once per frame, because many requests may arrive at once. */
  drawSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Whether the user is reading the list, so that its rows must not move. */
  isInUse() {
    // The list is also in use while the pointer is on the button `more`, which must not disappear
    // while it is pressed.
    const within = [this.body, this.more].some((it) => it.matches(":hover") || it.contains(document.activeElement));
    return this.all.length > 0 && (within || this.scroller.scrollTop > 0);
  }

  /** Show the pending requests. @param {boolean} byUser if false, they are shown only when the list is not in use */
  showPending(byUser) {
    if (this.pending.size === 0 || (!byUser && this.isInUse())) return;
    this.put([...this.pending.values()]);
    this.pending.clear();
    this.draw();
    if (byUser) {
      this.scroller.scrollTop = 0;
      /** @type {HTMLElement | null} */ (this.body.querySelector("[role=row]"))?.focus();
    }
  }

  /** @param {Entry[]} entries */
  put(entries) {
    const merged = new Map([...this.all, ...entries].map((it) => [it.trace_id, it]));
    const sorted = [...merged.values()].sort((one, other) => (positionOf(one) < positionOf(other) ? 1 : -1));
    this.hasOlder ||= sorted.length > this.maxRows;
    this.all = sorted.slice(0, this.maxRows);
  }

  /** Mark the open request, and the two that are compared. @param {{trace: string | null, a: string | null, b: string | null}} marked */
  mark(marked) {
    this.marked = marked;
    for (const row of this.body.children) {
      const id = /** @type {HTMLElement} */ (row).dataset.trace;
      const letter = id === marked.a ? "A" : id === marked.b ? "B" : null;
      markRow(row, letter, id === marked.trace || letter !== null);
    }
  }

  /** Draw the rows that have changed. The other rows stay, so that a focused row keeps the focus. */
  draw() {
    const rows = new Map([...this.body.children].map((row) => [/** @type {HTMLElement} */ (row).dataset.trace, row]));
    const drawn = this.all.map((entry) => {
      const row = rows.get(entry.trace_id);
      const slowness = this.slownessOf(entry);
      const text = JSON.stringify([entry, slowness !== null]);
      if (row && /** @type {HTMLElement} */ (row).dataset.of === text) return row;
      const fresh = requestRow(entry, slowness, this.compare);
      fresh.dataset.of = text;
      return fresh;
    });
    const restoreFocus = saveFocus(this.body);
    reconcile(this.body, drawn);
    restoreFocus();
    // When the focus is outside of the list, the newest request is the row in the tab order. So a
    // keyboard user who enters the list starts at the newest request.
    setTabStop(this.grid, this.body.contains(document.activeElement) ? null : this.body.querySelector("[role=row]"));
    this.mark(this.marked);
    const any = this.all.length > 0;
    this.empty.hidden = any || !this.loaded;
    this.scroller.hidden = !any;
    this.older.hidden = !this.hasOlder;
    this.more.hidden = this.pending.size === 0;
    this.more.textContent = `Show ${this.pending.size} new`;
  }
}

/** What the list is sorted by; the collector takes it as a cursor. @param {Entry} entry */
function positionOf({ started_at: startedAt, trace_id: id }) {
  return `${startedAt}_${id}`;
}

function head() {
  const columns = COLUMNS.map((name) => el("div", { role: "columnheader" }, name));
  return el("div", { role: "rowgroup" }, el("div", { role: "row", class: "request head" }, ...columns));
}
