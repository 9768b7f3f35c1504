// @ts-check
import { comparison } from "../waterfall/comparison.js";
import { announce, byId, el } from "../ui/dom.js";
import { duration } from "../ui/format.js";
import { TraceCache } from "../collector/trace_cache.js";
import { rows, tree } from "../trace/outline.js";
import { choose, selection } from "./selection.js";
import { stagePanel } from "../stage/stage.js";
import { markSpan } from "../waterfall/treegrid.js";
import { waterfall } from "../waterfall/waterfall.js";

/** @typedef {import("../collector/api.js").Trace} Trace */

/** Shows the selection: one request or two, and a stage. */
export class DetailView {
  constructor() {
    this.cache = new TraceCache();
    this.place = byId("chosen");
    this.panel = byId("stage");
    this.previous = el("button", { class: "quiet" }, "Compare with the previous request to this route");
    /** @type {Trace[]} */
    this.traces = [];
    /** The results that are drawn, as text. */
    this.results = "";
    /** @type {string | null} the ids of the shown requests */
    this.shown = null;
    /** @type {string | null} the open stage, with the ids of the shown requests */
    this.open = null;
  }

  /** Draw the selection that is in the address, unless it is already drawn. */
  async show() {
    const ids = selectedIds();
    const key = ids.join(" ");
    if (key !== this.shown) {
      this.shown = key;
      const results = await this.cache.get(ids);
      // The selection may have changed while the traces were read.
      if (this.shown !== key) return;
      this.draw(results);
      this.announceRequest();
      this.reveal();
      this.focus();
    }
    if (this.showStage()) this.revealStage();
  }

  /** Draw a selected request again after its trace has changed, and keep the focus. @param {string} [id] if missing, all traces may have changed */
  async refresh(id) {
    this.cache.markStale(id);
    const ids = selectedIds();
    if (ids.length === 0 || (id && !ids.includes(id))) return;
    const results = await this.cache.get(ids);
    if (this.shown !== ids.join(" ") || asText(results) === this.results) return;
    const restoreFocus = this.saveFocus();
    const copied = [...this.place.querySelectorAll(".copied > *")];
    this.draw(results);
    this.place.querySelector(".copied")?.replaceChildren(...copied);
    restoreFocus();
    this.showStage();
  }

  /** Remember which part has the focus. @returns {() => void} focuses this part again, or else the title */
  saveFocus() {
    const active = /** @type {HTMLElement} */ (document.activeElement);
    if (!this.place.contains(active)) return () => {};
    const key = focusKey(active);
    return () => {
      const parts = /** @type {NodeListOf<HTMLElement>} */ (this.place.querySelectorAll("a, button, summary, [tabindex]"));
      const same = [...parts].find((it) => focusKey(it) === key);
      (same ?? document.getElementById("chosen-title"))?.focus({ preventScroll: true });
    };
  }

  /** @param {(Trace | Error)[]} results */
  draw(results) {
    this.results = asText(results);
    this.traces = results.flatMap((result) => (result instanceof Error ? [] : [result]));
    const errors = results.flatMap((result) => (result instanceof Error ? [result.message] : []));
    this.place.hidden = results.length === 0;
    const [a, b] = this.traces;
    let drawn = [el("p", { class: "actions" }, el("button", { class: "quiet", onclick: clear }, "Close"))];
    if (a && b) drawn = comparison(a, b, { choose: toggle, close: () => choose({ compare: null, stage: null }) });
    else if (a) drawn = waterfall(a, { choose: toggle, previous: this.previous, close: clear });
    if (a) this.offerPrevious(a);
    const open = this.openFolds();
    this.place.replaceChildren(...[...new Set(errors)].map(errorMessage), ...drawn);
    for (const name of open) this.place.querySelector(`[data-fold="${name}"]`)?.setAttribute("open", "");
    this.place.classList.toggle("with-failure", !a);
  }

  announceRequest() {
    const [a, b] = this.traces;
    if (a) announce(b ? "Two requests are shown side by side." : `The request took ${duration(a.duration_ms)} in ${a.stages} stages.`);
  }

  /** @returns {string[]} the parts that the user has unfolded; they stay unfolded for the next request */
  openFolds() {
    return [...this.place.querySelectorAll("details[open]")].map((it) => /** @type {HTMLElement} */ (it).dataset.fold ?? "");
  }

  /** Show the button if there is a previous request to compare with. @param {Trace} trace */
  offerPrevious({ trace_id: id, previous_trace_id: previous }) {
    this.previous.hidden = previous === null;
    this.previous.onclick = () => choose({ trace: previous, compare: id, stage: null });
  }

  /** Draw the panel of the selected stage, unless it is already drawn. @returns {boolean} whether this call has drawn it */
  showStage() {
    const { stage } = selection();
    markSpan(this.place, stage);
    const match = stage && this.find(stage);
    const key = match ? `${this.shown} ${stage}` : null;
    // An open panel is not drawn again, because its query plan would be lost.
    if (key === this.open) return false;
    this.open = key;
    this.panel.hidden = !match;
    document.body.classList.toggle("with-stage", Boolean(match));
    if (!match) return false;
    const panel = stagePanel(match.trace, match.branch, () => this.closeStage());
    this.panel.replaceChildren(...panel.filter((part) => part !== null));
    this.panel.scrollTop = 0;
    announce(`The stage ${match.branch.span.stage} is shown next to the waterfall.`);
    return true;
  }

  /** @param {string} id of a span */
  find(id) {
    for (const trace of this.traces) {
      const branch = rows(tree(trace.spans)).find(({ span }) => span.id === id);
      if (branch) return { trace, branch };
    }
    return null;
  }

  /** Scroll to the panel on a narrow screen, where it is below the waterfall. */
  revealStage() {
    if (!matchMedia("(max-width: 76rem)").matches) return;
    this.panel.scrollIntoView({ block: "start" });
    byId("stage-title").focus({ preventScroll: true });
  }

  /** Scroll to the selected requests, unless they begin in the upper half of the screen. */
  reveal() {
    const { top } = this.place.getBoundingClientRect();
    if (!this.place.hidden && (top < 0 || top > innerHeight / 2)) this.place.scrollIntoView({ block: "start" });
  }

  /** Focus the title of an opened request. While the user compares, the focus stays at the buttons of the list. */
  focus() {
    if (selection().compare && document.activeElement !== document.body) return;
    document.getElementById("chosen-title")?.focus({ preventScroll: true });
  }

  /** Close the panel, and focus the row of its stage. */
  closeStage() {
    const { stage } = selection();
    if (!stage) return;
    choose({ stage: null });
    this.rowOf(stage)?.focus();
  }

  /** @param {string} id @returns {HTMLElement | null} */
  rowOf(id) {
    const name = CSS.escape(id);
    return this.place.querySelector(`[data-span="${name}"], [data-other="${name}"]`);
  }
}

/** @returns {string[]} the open request, and the request that is compared with it */
function selectedIds() {
  const { trace, compare } = selection();
  return [trace, compare].filter((id) => id !== null);
}

/** @param {(Trace | Error)[]} results */
function asText(results) {
  return JSON.stringify(results.map((it) => (it instanceof Error ? it.message : it)));
}

/** Return a key by which the same element is found after the next drawing: its tag, stage and text. @param {HTMLElement} element */
function focusKey(element) {
  const row = /** @type {HTMLElement | null} */ (element.closest("[data-span]"));
  return [element.tagName, row?.dataset.span, element === row ? "" : element.textContent].join(" ");
}

/** @param {string} spanId */
function toggle(spanId) {
  choose({ stage: selection().stage === spanId ? null : spanId });
}

function clear() {
  choose({ trace: null, compare: null, stage: null });
  // The pressed button is gone, so the focus moves to the list's section. It does not move to a row,
  // because the list shows no new requests while a row has the focus.
  byId("requests").focus({ preventScroll: true });
}

/** @param {string} text */
function errorMessage(text) {
  return el("p", { class: "failure", role: "alert" }, text);
}
