// @ts-check
import { byId, el, reconcile } from "./dom.js";
import { addKeys, saveFocus, setTabStop } from "./keys.js";
import { COLUMNS, requestRow } from "./request.js";

/** @typedef {import("./api.js").Summary} Summary */

/** The list shows at most this number of requests. The collector keeps more. */
const MAX_ROWS = 200;

/** The live list of requests, newest on top. */
export class Requests {
  /**
   * @param {object} handlers
   * @param {(id: string) => void} handlers.choose
   * @param {(id: string) => void} handlers.compare
   * @param {() => void} handlers.send sends an example request
   */
  constructor({ choose, compare, send }) {
    this.compare = compare;
    /** @type {Summary[]} newest first */
    this.all = [];
    /** @type {Map<string, Summary>} the requests that arrived while the list was in use */
    this.pending = new Map();
    this.frame = 0;
    /** Whether the collector has sent the list. */
    this.loaded = false;
    this.marked = { trace: /** @type {string | null} */ (null), compare: /** @type {string | null} */ (null) };
    this.grid = el("div", { role: "grid", class: "grid", "aria-label": "Requests, newest first" });
    this.body = el("div", { role: "rowgroup" });
    this.grid.append(head(), this.body);
    this.more = el("button", { class: "more", hidden: true, onclick: () => this.showPending(true) });
    this.scroller = el("div", { class: "scroller" }, this.grid);
    this.empty = emptyList(send);
    byId("requests").replaceChildren(
      el("h2", { id: "requests-title" }, "Requests"),
      this.more, this.empty, this.scroller,
    );
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

  /** Add or update requests, in any order. @param {Summary[]} summaries */
  add(summaries) {
    this.loaded = true;
    const ids = new Set(this.all.map((it) => it.trace_id));
    for (const summary of summaries) {
      if (ids.has(summary.trace_id) || !this.isInUse()) this.put(summary);
      else this.pending.set(summary.trace_id, summary);
    }
    this.drawSoon();
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
    for (const summary of this.pending.values()) this.put(summary);
    this.pending.clear();
    this.draw();
    if (byUser) {
      this.scroller.scrollTop = 0;
      /** @type {HTMLElement | null} */ (this.body.querySelector("[role=row]"))?.focus();
    }
  }

  /** @param {Summary} summary */
  put(summary) {
    const others = this.all.filter((it) => it.trace_id !== summary.trace_id);
    this.all = [...others, summary].sort((one, other) => (one.started_at < other.started_at ? 1 : -1)).slice(0, MAX_ROWS);
  }

  /** Mark the selected requests. @param {{trace: string | null, compare: string | null}} selected */
  mark(selected) {
    this.marked = selected;
    for (const row of this.body.children) {
      const id = /** @type {HTMLElement} */ (row).dataset.trace;
      const one = id === selected.trace;
      const other = id === selected.compare;
      row.setAttribute("aria-selected", String(one || other));
      row.querySelector("button")?.setAttribute("aria-pressed", String(Boolean(selected.compare) && (one || other)));
    }
  }

  /** Draw the rows that have changed. The other rows stay, so that a focused row keeps the focus. */
  draw() {
    const rows = new Map([...this.body.children].map((row) => [/** @type {HTMLElement} */ (row).dataset.trace, row]));
    const drawn = this.all.map((summary) => {
      const row = rows.get(summary.trace_id);
      const text = JSON.stringify(summary);
      if (row && /** @type {HTMLElement} */ (row).dataset.of === text) return row;
      const fresh = requestRow(summary, this.compare);
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
    this.more.hidden = this.pending.size === 0;
    this.more.textContent = `Show ${this.pending.size} new`;
  }
}

function head() {
  const columns = COLUMNS.map((name) => el("div", { role: "columnheader" }, name));
  return el("div", { role: "rowgroup" }, el("div", { role: "row", class: "request head" }, ...columns));
}

/** @param {() => void} send */
function emptyList(send) {
  return el("div", { class: "empty" },
    el("p", {}, "No requests yet. Send one from here or from a terminal."),
    el("p", { class: "actions" }, el("button", { class: "main", onclick: send }, "Send GET /api/products"), el("code", {}, "make trace")),
  );
}
