// @ts-check
import { announce, byId, el, reconcile } from "../ui/dom.js";
import { addKeys, saveFocus, setTabStop } from "../ui/keys.js";
import { merged } from "./newest_first.js";
import { COLUMNS, markRow, requestRow } from "./request_row.js";

/** @typedef {import("../collector/api.js").Entry} Entry */

/** The list shows at most this number of requests, until the user loads older ones. */
const MAX_ROWS = 200;

/** The live list of requests, newest on top. */
export class RequestList {
  /**
   * @param {object} handlers
   * @param {(id: string) => void} handlers.choose
   * @param {(id: string) => void} handlers.compare
   * @param {() => Promise<void>} handlers.loadOlder
   * @param {(entry: Entry) => string | null} handlers.slownessOf
   * @param {HTMLElement} empty is shown in place of an empty list
   */
  constructor({ choose, compare, loadOlder, slownessOf }, empty) {
    this.compare = compare;
    this.loadOlder = loadOlder;
    this.slownessOf = slownessOf;
    this.empty = empty;
    /** @type {Entry[]} newest first */
    this.all = [];
    /** @type {Map<string, Entry>} the requests that arrived while the list was in use */
    this.pending = new Map();
    /** @type {string | null | undefined} if set, the pending requests replace the list, with this cursor */
    this.pendingCursor = undefined;
    this.maxRows = MAX_ROWS;
    /** @type {string | null} the end of the list, if the collector may have older requests */
    this.cursor = null;
    this.frame = 0;
    /** Whether the collector has sent the list. */
    this.loaded = false;
    /** @type {{trace: string | null, a: string | null, b: string | null}} */
    this.marked = { trace: null, a: null, b: null };
    this.grid = el("div", { role: "grid", class: "grid", "aria-label": "Requests, newest first", "aria-multiselectable": "true" });
    this.body = el("div", { role: "rowgroup" });
    this.grid.append(head(), this.body);
    this.more = el("button", { class: "more", hidden: true, onclick: () => this.showPending(true) });
    this.older = el("button", { class: "quiet older", hidden: true, onclick: () => this.pressOlder() }, "Load older requests");
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

  /** @returns {Set<string>} the listed and the pending requests */
  ids() {
    return new Set([...this.pending.keys(), ...this.all.map((it) => it.trace_id)]);
  }

  /** @param {string} id */
  has(id) {
    return this.pending.has(id) || this.all.some((it) => it.trace_id === id);
  }

  /** Show these requests and no others. @param {Entry[]} entries @param {string | null} cursor */
  reset(entries, cursor) {
    this.clear();
    this.cursor = cursor;
    this.put(entries);
    this.loaded = true;
    this.draw();
  }

  /** Remove all requests, until the next `reset`. */
  clear() {
    this.all = [];
    this.pending.clear();
    this.pendingCursor = undefined;
    this.maxRows = MAX_ROWS;
    this.cursor = null;
    this.loaded = false;
    this.scroller.scrollTop = 0;
    this.draw();
  }

  /** Call `reset` when the list is no longer in use. @param {Entry[]} entries @param {string | null} cursor */
  replace(entries, cursor) {
    if (!this.isInUse()) return this.reset(entries, cursor);
    this.pending.clear();
    this.pendingCursor = cursor;
    this.add(entries);
  }

  /** Add or update requests, in any order. @param {Entry[]} entries */
  add(entries) {
    const ids = new Set(this.all.map((it) => it.trace_id));
    if (this.isInUse()) {
      // A listed request that has changed is drawn again in its place.
      this.addPending(entries.filter((it) => this.pendingCursor !== undefined || !ids.has(it.trace_id)));
      this.put(entries.filter((it) => ids.has(it.trace_id)));
    } else {
      this.put(entries);
    }
    this.drawSoon();
  }

  /** Add pending requests, and keep only the newest of them. @param {Entry[]} entries */
  addPending(entries) {
    for (const entry of entries) this.pending.set(entry.trace_id, entry);
    if (this.pending.size <= MAX_ROWS) return;
    const newest = merged([...this.pending.values()], null, MAX_ROWS);
    this.pending = new Map(newest.entries.map((it) => [it.trace_id, it]));
    this.pendingCursor = newest.cursor;
  }

  /** Load older requests, unless they are loading already. */
  async pressOlder() {
    // The button is `aria-disabled` and not `disabled`, because a disabled button loses the focus.
    if (this.older.getAttribute("aria-disabled") === "true") return;
    this.older.setAttribute("aria-disabled", "true");
    await this.loadOlder();
    this.older.removeAttribute("aria-disabled");
  }

  /** Add older requests below the other requests, and focus the first older request. @param {Entry[]} entries @param {string | null} cursor */
  addOlder(entries, cursor) {
    this.maxRows = Math.max(this.maxRows, this.all.length + entries.length);
    this.cursor = cursor;
    this.put(entries);
    this.draw();
    announce(entries.length === 1 ? "1 older request is shown." : `${entries.length || "No"} older requests are shown.`);
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
    const entries = [...this.pending.values()];
    if (this.pendingCursor !== undefined) this.reset(entries, this.pendingCursor);
    else this.put(entries);
    this.pending.clear();
    this.draw();
    if (byUser) {
      this.scroller.scrollTop = 0;
      /** @type {HTMLElement | null} */ (this.body.querySelector("[role=row]"))?.focus();
    }
  }

  /** @param {Entry[]} entries */
  put(entries) {
    const { entries: all, cursor } = merged([...this.all, ...entries], this.cursor, this.maxRows);
    this.all = all;
    this.cursor = cursor;
  }

  /** Mark the open request, and the two compared requests. @param {{trace: string | null, a: string | null, b: string | null}} marked */
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
    this.older.hidden = this.cursor === null;
    this.more.hidden = this.pending.size === 0;
    this.more.textContent = `Show ${this.pending.size}${this.pendingCursor === undefined ? "" : "+"} new`;
  }
}

function head() {
  const columns = COLUMNS.map((name) => el("div", { role: "columnheader" }, name));
  return el("div", { role: "rowgroup" }, el("div", { role: "row", class: "request head" }, ...columns));
}
