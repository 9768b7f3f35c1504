// @ts-check
import { arrange, byId, el } from "./dom.js";
import { focusIn, rove, settle } from "./keys.js";
import { COLUMNS, requestRow } from "./request.js";

/** @typedef {import("./api.js").Summary} Summary */

/** Older ones leave the page; the collector still has them. */
const KEPT = 200;

/** The live list of requests, newest on top. */
export class Requests {
  /**
   * @param {object} does
   * @param {(id: string) => void} does.choose
   * @param {(id: string) => void} does.compare
   * @param {() => void} does.send sends a request, for a beginning
   */
  constructor({ choose, compare, send }) {
    this.compare = compare;
    /** @type {Summary[]} newest first */
    this.all = [];
    /** @type {Map<string, Summary>} come while somebody reads */
    this.held = new Map();
    this.soon = 0;
    /** Whether the collector has said what there is. */
    this.told = false;
    this.marked = { trace: /** @type {string | null} */ (null), compare: /** @type {string | null} */ (null) };
    this.grid = el("div", { role: "grid", class: "grid", "aria-label": "Requests, newest first" });
    this.body = el("div", { role: "rowgroup" });
    this.grid.append(head(), this.body);
    this.more = el("button", { class: "more", hidden: true, onclick: () => this.release(true) });
    this.scroller = el("div", { class: "scroller" }, this.grid);
    this.empty = nothing(send);
    this.again = el("button", { class: "quiet again", onclick: send }, "Send GET /api/products");
    byId("requests").replaceChildren(
      el("div", { class: "bar-head" }, el("h2", { id: "requests-title" }, "Requests"), this.again),
      this.more, this.empty, this.scroller,
    );
    rove(this.grid, {
      choose: (row) => choose(/** @type {string} */ (row.dataset.trace)),
      right: (row) => row.querySelector("button"),
      left: (row) => row,
    });
    for (const part of [this.scroller, this.more]) {
      for (const event of ["scroll", "pointerleave", "focusout"]) {
        part.addEventListener(event, () => setTimeout(() => this.release(false)));
      }
    }
    this.draw();
  }

  /** What came, in any order, some of it again. @param {Summary[]} summaries */
  add(summaries) {
    this.told = true;
    const known = new Set(this.all.map((it) => it.trace_id));
    for (const summary of summaries) {
      if (known.has(summary.trace_id) || !this.read()) this.put(summary);
      else this.held.set(summary.trace_id, summary);
    }
    this.drawSoon();
  }

  /** Under load much comes at once, and is drawn once. */
  drawSoon() {
    this.soon ||= requestAnimationFrame(() => {
      this.soon = 0;
      this.draw();
    });
  }

  /** Whether somebody reads, so that nothing may move. */
  read() {
    // The button as well: between its press and its release it must not go away.
    const within = [this.body, this.more].some((it) => it.matches(":hover") || it.contains(document.activeElement));
    return this.all.length > 0 && (within || this.scroller.scrollTop > 0);
  }

  /** Let in what was held back. @param {boolean} asked or when nobody reads any more */
  release(asked) {
    if (this.held.size === 0 || (!asked && this.read())) return;
    for (const summary of this.held.values()) this.put(summary);
    this.held.clear();
    this.draw();
    if (asked) {
      this.scroller.scrollTop = 0;
      /** @type {HTMLElement | null} */ (this.body.querySelector("[role=row]"))?.focus();
    }
  }

  /** @param {Summary} summary */
  put(summary) {
    const others = this.all.filter((it) => it.trace_id !== summary.trace_id);
    this.all = [...others, summary].sort((one, other) => (one.started_at < other.started_at ? 1 : -1)).slice(0, KEPT);
  }

  /** Show which ones are open. @param {{trace: string | null, compare: string | null}} chosen */
  mark(chosen) {
    this.marked = chosen;
    for (const row of this.body.children) {
      const id = /** @type {HTMLElement} */ (row).dataset.trace;
      const one = id === chosen.trace;
      const other = id === chosen.compare;
      row.setAttribute("aria-selected", String(one || other));
      row.querySelector("button")?.setAttribute("aria-pressed", String(Boolean(chosen.compare) && (one || other)));
    }
  }

  /** Draw what has changed; rows that stay keep their focus. */
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
    const back = focusIn(this.body);
    arrange(this.body, drawn);
    back();
    // Whoever comes in by keyboard begins at the newest.
    settle(this.grid, this.body.contains(document.activeElement) ? null : this.body.querySelector("[role=row]"));
    this.mark(this.marked);
    const any = this.all.length > 0;
    this.empty.hidden = any || !this.told;
    this.again.hidden = !this.empty.hidden;
    this.scroller.hidden = !any;
    this.more.hidden = this.held.size === 0;
    this.more.textContent = `${this.held.size} new, show`;
  }
}

function head() {
  const columns = COLUMNS.map((name) => el("div", { role: "columnheader" }, name));
  return el("div", { role: "rowgroup" }, el("div", { role: "row", class: "request head" }, ...columns));
}

/** @param {() => void} send */
function nothing(send) {
  return el("div", { class: "empty" },
    el("p", {}, "Nothing has been sent yet: sign up beside this, send a request from here, or one from a terminal."),
    el("p", { class: "ways" }, el("button", { class: "main", onclick: send }, "Send GET /api/products"), el("code", {}, "make trace")),
  );
}
