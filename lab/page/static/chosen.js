// @ts-check
import { comparison } from "./comparison.js";
import { byId, el, say } from "./dom.js";
import { duration } from "./format.js";
import { Kept } from "./kept.js";
import { rows, tree } from "./outline.js";
import { choose, selection } from "./selection.js";
import { stagePanel } from "./stage.js";
import { markSpan } from "./treegrid.js";
import { waterfall } from "./waterfall.js";

/** @typedef {import("./api.js").Trace} Trace */

/** What is chosen: a request or two, and a stage. */
export class Chosen {
  /** @param {(trace: Trace) => string | null} previousOf finds what to compare a request with */
  constructor(previousOf) {
    this.previousOf = previousOf;
    this.kept = new Kept();
    this.place = byId("chosen");
    this.panel = byId("stage");
    this.previous = el("button", { class: "quiet" }, "Compare with the previous one of this route");
    /** @type {Trace[]} */
    this.traces = [];
    this.troubled = false;
    /** @type {string | null} which requests are drawn */
    this.drawn = null;
    /** @type {string | null} which stage is */
    this.open = null;
  }

  /** Draw what the address says, as far as it is not drawn yet. */
  async show() {
    const wanted = selection();
    const ids = [wanted.trace, wanted.compare].filter((id) => id !== null);
    const key = ids.join(" ");
    if (key !== this.drawn) {
      this.drawn = key;
      const traces = await this.kept.get(ids);
      // Something else may have been chosen meanwhile.
      if (this.drawn !== key) return;
      this.draw(traces);
    }
    this.showStage();
  }

  /** A request that is open, or should be, was told anew. @param {string} id */
  async refresh(id) {
    const { trace, compare } = selection();
    if (id !== trace && id !== compare) return;
    if (!(await this.kept.renew(id))) return;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.span;
    this.drawn = null;
    // A panel that somebody reads stays, with the plan that was asked for.
    if (this.panel.hidden) this.open = null;
    await this.show();
    if (focused) this.rowOf(focused)?.focus();
  }

  /** Ask once more for what could not be had. */
  async again() {
    if (!this.troubled) return;
    this.drawn = null;
    await this.show();
  }

  /** @param {(Trace | Error)[]} answers */
  draw(answers) {
    this.traces = answers.flatMap((answer) => (answer instanceof Error ? [] : [answer]));
    this.troubled = this.traces.length < answers.length;
    const troubles = answers.flatMap((answer) => (answer instanceof Error ? [answer.message] : []));
    this.place.hidden = answers.length === 0;
    const [a, b] = this.traces;
    let drawn = [el("p", { class: "ways" }, el("button", { class: "quiet", onclick: clear }, "Close"))];
    if (a && b) drawn = comparison(a, b, { choose: toggle, close: () => choose({ compare: null, stage: null }) });
    else if (a) drawn = waterfall(a, { choose: toggle, previous: this.previous, close: clear });
    this.offerPrevious();
    this.place.replaceChildren(...[...new Set(troubles)].map(trouble), ...drawn);
    this.place.classList.toggle("in-trouble", !a);
    if (a) say(b ? "Two requests are shown side by side." : `The request took ${duration(a.duration_ms)} in ${a.stages} stages.`);
  }

  /** The list has changed: there may now be one to compare with. */
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
    const found = stage && this.find(stage);
    this.panel.hidden = !found;
    document.body.classList.toggle("with-stage", Boolean(found));
    if (!found) return;
    const panel = stagePanel(found.trace, found.branch, () => this.closeStage());
    this.panel.replaceChildren(...panel.filter((part) => part !== null));
    this.panel.scrollTop = 0;
    this.reveal();
    say(`The stage ${found.branch.span.stage} is shown beside the waterfall.`);
  }

  /** @param {string} id of a span */
  find(id) {
    for (const trace of this.traces) {
      const branch = rows(tree(trace.spans)).find(({ span }) => span.id === id);
      if (branch) return { trace, branch };
    }
    return null;
  }

  /** On a phone the panel is under the waterfall, and out of sight. */
  reveal() {
    if (!matchMedia("(max-width: 76rem)").matches) return;
    this.panel.scrollIntoView({ block: "start" });
    byId("stage-title").focus({ preventScroll: true });
  }

  /** Close the panel; the keyboard goes on at the row that it belongs to. */
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
  // The button that was pressed has gone; not a row, which would hold the list.
  byId("requests").focus({ preventScroll: true });
}

/** @param {string} text */
function trouble(text) {
  return el("p", { class: "trouble", role: "alert" }, text);
}
