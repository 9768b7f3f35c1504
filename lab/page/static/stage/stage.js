// @ts-check
import { plan } from "../collector/api.js";
import { criticalPath, isJob, overruns } from "../trace/critical_path.js";
import { el, setProperties } from "../ui/dom.js";
import { duration, plain, share } from "../ui/format.js";
import { endOf, ownTime, tree } from "../trace/outline.js";
import { glyph, placeOf, whereOf } from "../ui/places.js";
import { problemLink } from "../ui/problem_link.js";
import { sourceOf } from "./source.js";
import { formatted } from "./sql.js";
import { MEANING } from "./stage_meanings.js";

/** @typedef {import("../collector/api.js").Trace} Trace @typedef {import("../trace/outline.js").Branch} Branch */

const STATEMENT = "db.query.text";
/** The attributes that the panel shows elsewhere, in another form. */
const SHOWN_ELSEWHERE = new Set([STATEMENT, "roundtrip.stage", "code.file.path", "code.line.number", "code.function.name"]);

/**
 * Make the panel that shows what one stage did.
 *
 * @param {Trace} trace
 * @param {Branch} branch
 * @param {() => void} close
 * @returns {(HTMLElement | null)[]}
 */
export function stagePanel(trace, branch, close) {
  const { span } = branch;
  const statement = span.attributes[STATEMENT];
  return [
    el("div", { class: "bar-head" },
      el("h2", { id: "stage-title", tabindex: "-1" }, glyph(placeOf(span)), span.stage),
      el("button", { class: "quiet", onclick: close, "aria-label": "Close stage" }, "Close")),
    span.name === span.stage ? null : el("p", { class: "full-name" }, span.name),
    MEANING[span.stage] ? el("p", { class: "meaning" }, MEANING[span.stage]) : null,
    el("dl", { class: "figures" }, ...figures(trace, branch)),
    typeof statement === "string" ? query(trace, span, statement) : null,
    span.code ? sourceOf(span.code) : null,
    attributes(span.attributes),
  ];
}

/** @param {Trace} trace @param {Branch} branch */
function figures(trace, branch) {
  const { span, children } = branch;
  const roots = tree(trace.spans);
  // A job is not a part of the request, and may take longer.
  const isPart = !isJob(span) && span.start_ms < endOf(roots[0].span);
  /** @type {[string, string][]} */
  const entries = [
    ["Duration", `${duration(span.duration_ms)}${isPart ? `, ${share(span.duration_ms, trace.duration_ms)} of the request` : ""}`],
    ...(children.length > 0 ? [/** @type {[string, string]} */ (["Self time", duration(ownTime(branch))])] : []),
    ["Start", `${duration(span.start_ms)} after the start of the request`],
    ["Where", ["database", "redis"].includes(placeOf(span)) ? `${whereOf(span)}, measured by ${span.process}` : whereOf(span)],
  ];
  const critical = criticalPath(roots).filter((it) => it.id === span.id).reduce((sum, it) => sum + it.duration_ms, 0);
  if (critical > 0) entries.push(["Critical path", `${duration(critical)}, without child stages`]);
  const after = overruns(roots).get(span.id);
  const why = isJob(span) ? ", which does not wait for it" : ". The critical path counts only the time before that end.";
  if (after) entries.push(["End", `${duration(after)} after the end of its parent${why}`]);
  return [...entries.flatMap(entry), ...outcome(span)];
}

/** @param {import("../collector/api.js").Span} span */
function outcome({ error, problem, attributes: all }) {
  if (!error) return [];
  const type = all["error.type"] === undefined ? "failed" : `failed: ${plain(all["error.type"])}`;
  return [el("dt", {}, "Outcome"), el("dd", {}, type, problem && " ", problem && problemLink(problem))];
}

/** @param {[string, string]} entry */
function entry([term, text]) {
  return [el("dt", {}, term), el("dd", {}, text)];
}

/** @param {Record<string, unknown>} all */
function attributes(all) {
  const shown = Object.entries(all).filter(([name]) => !SHOWN_ELSEWHERE.has(name)).sort();
  if (shown.length === 0) return null;
  const entries = shown.flatMap(([name, value]) => entry([name, plain(value)]));
  return el("section", {}, el("h3", {}, "Attributes"), el("dl", { class: "attributes" }, ...entries));
}

/** @param {Trace} trace @param {import("../collector/api.js").Span} span @param {string} statement */
function query(trace, span, statement) {
  const sql = span.stage === "sql";
  const place = el("div", { role: "status" });
  const show = async () => {
    try {
      const shown = planned(await plan(trace.trace_id, span.id));
      place.replaceChildren(shown);
      if (document.activeElement === button) shown.focus();
      line.remove();
    } catch (error) {
      place.replaceChildren(el("p", { class: "failure" }, `No query plan. ${/** @type {Error} */ (error).message}`));
    }
  };
  const button = el("button", { class: "quiet", onclick: show }, "Show query plan");
  const line = el("p", {}, button);
  return el("section", {},
    el("h3", {}, sql ? "SQL" : "Command"),
    sql ? formatted(statement) : el("pre", { class: "code wraps" }, el("code", {}, statement)),
    sql && line, place);
}

/** @param {{plan: string[]}} answer @returns {HTMLElement} */
function planned({ plan: steps }) {
  return el("pre", { class: "code wraps", role: "region", tabindex: "0", "aria-label": "Query plan" },
    el("code", {}, ...steps.map(step)));
}

/** @param {string} line of a plan @returns {HTMLElement} a long line wraps, with a deeper indentation */
function step(line) {
  const text = line.trimStart();
  return setProperties(el("span", { class: "step" }, text), { indent: line.length - text.length });
}
