// @ts-check
import { comparison } from "./comparison.js";
import { announce, byId, el } from "./dom.js";
import { duration } from "./format.js";
import { TraceCache } from "./trace_cache.js";
import { rows, tree } from "./outline.js";
import { choose, selection } from "./selection.js";
import { stagePanel } from "./stage.js";
import { markSpan } from "./treegrid.js";
import { waterfall } from "./waterfall.js";

/** @typedef {import("./api.js").Trace} Trace */

/** Shows the selection: one request or two, and a stage. */
export class DetailView {
  /** @param {(trace: Trace) => string | null} previousOf finds the previous request to the same route */
  constructor(previousOf) {
    this.previousOf = previousOf;
    this.cache = new TraceCache();
    this.place = byId("chosen");
    this.panel = byId("stage");
    this.previous = el("button", { class: "quiet" }, "Compare with the previous request to this route");
    /** @type {Trace[]} */
    this.traces = [];
    this.incomplete = false;
    /** @type {string | null} the ids of the drawn requests */
    this.drawn = null;
    /** @type {string | null} the open stage, with the ids of the drawn requests */
    this.open = null;
  }

  /** Draw the selection that is in the address, unless it is already drawn. */
  async show({ isRefresh = false } = {}) {
    const { trace, compare } = selection();
    const ids = [trace, compare].filter((id) => id !== null);
    const key = ids.join(" ");
    if (key !== this.drawn) {
      this.drawn = key;
      const traces = await this.cache.get(ids);
      // The selection may have changed meanwhile.
      if (this.drawn !== key) return;
      this.draw(traces);
      if (isRefresh) return this.showStage();
      this.reveal();
      this.focus();
    }
    this.showStage();
  }

  /** Draw a selected request again after its trace has changed. @param {string} id */
  async refresh(id) {
    const { trace, compare } = selection();
    if (id !== trace && id !== compare) return;
    if (!(await this.cache.renew(id))) return;
    const restoreFocus = this.saveFocus();
    this.drawn = null;
    // An open panel is not drawn again, because its query plan would be lost.
    if (this.panel.hidden) this.open = null;
    await this.show({ isRefresh: true });
    restoreFocus();
  }

  /** Note which part has the focus. @returns {() => void} focuses the same part after a drawing, or the title */
  saveFocus() {
    const active = /** @type {HTMLElement} */ (document.activeElement);
    if (!this.place.contains(active)) return () => {};
    const { span } = active.dataset;
    const fold = active.closest("summary")?.parentElement?.dataset.fold;
    return () => {
      const same = span ? this.rowOf(span) : fold && this.place.querySelector(`[data-fold="${fold}"] > summary`);
      /** @type {HTMLElement | null} */ (same || document.getElementById("chosen-title"))?.focus({ preventScroll: true });
    };
  }

  /** Load the selected requests again if one of them failed to load. */
  async retry() {
    if (!this.incomplete) return;
    this.drawn = null;
    await this.show();
  }

  /** @param {(Trace | Error)[]} results */
  draw(results) {
    this.traces = results.flatMap((result) => (result instanceof Error ? [] : [result]));
    this.incomplete = this.traces.length < results.length;
    const errors = results.flatMap((result) => (result instanceof Error ? [result.message] : []));
    this.place.hidden = results.length === 0;
    const [a, b] = this.traces;
    let drawn = [el("p", { class: "actions" }, el("button", { class: "quiet", onclick: clear }, "Close"))];
    if (a && b) drawn = comparison(a, b, { choose: toggle, close: () => choose({ compare: null, stage: null }) });
    else if (a) drawn = waterfall(a, { choose: toggle, previous: this.previous, close: clear });
    this.offerPrevious();
    const open = this.openFolds();
    this.place.replaceChildren(...[...new Set(errors)].map(errorMessage), ...drawn);
    for (const name of open) this.place.querySelector(`[data-fold="${name}"]`)?.setAttribute("open", "");
    this.place.classList.toggle("with-failure", !a);
    if (a) announce(b ? "Two requests are shown side by side." : `The request took ${duration(a.duration_ms)} in ${a.stages} stages.`);
  }

  /** @returns {string[]} the parts that the user has unfolded; they stay unfolded for the next request */
  openFolds() {
    return [...this.place.querySelectorAll("details[open]")].map((it) => /** @type {HTMLElement} */ (it).dataset.fold ?? "");
  }

  /** Show the button if the list has a previous request to compare with. */
  offerPrevious() {
    const [trace, other] = this.traces;
    const id = trace && !other ? this.previousOf(trace) : null;
    this.previous.hidden = id === null;
    this.previous.onclick = () => choose({ trace: id, compare: trace.trace_id, stage: null });
  }

  showStage() {
    const { stage } = selection();
    markSpan(this.place, stage);
    const key = stage && `${this.drawn} ${stage}`;
    if (key === this.open) return;
    this.open = key;
    const match = stage && this.find(stage);
    this.panel.hidden = !match;
    document.body.classList.toggle("with-stage", Boolean(match));
    if (!match) return;
    const panel = stagePanel(match.trace, match.branch, () => this.closeStage());
    this.panel.replaceChildren(...panel.filter((part) => part !== null));
    this.panel.scrollTop = 0;
    this.revealStage();
    announce(`The stage ${match.branch.span.stage} is shown next to the waterfall.`);
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

/** @param {string} spanId */
function toggle(spanId) {
  choose({ stage: selection().stage === spanId ? null : spanId });
}

function clear() {
  choose({ trace: null, compare: null, stage: null });
  // The pressed button is gone, so the focus moves to the list's section. It must not move to a row
  // of the list: the list would stop showing new requests.
  byId("requests").focus({ preventScroll: true });
}

/** @param {string} text */
function errorMessage(text) {
  return el("p", { class: "failure", role: "alert" }, text);
}
