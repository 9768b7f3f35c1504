// @ts-check
import { summaries } from "./api.js";
import { Chosen } from "./chosen.js";
import { byId, el, say } from "./dom.js";
import { follow } from "./live.js";
import { Requests } from "./requests.js";
import { choose, chooseToCompare, selection } from "./selection.js";
import { send } from "./sending.js";
import { signup } from "./signup.js";

/** @typedef {import("./api.js").Summary} Summary */

const requests = new Requests({
  choose: (id) => choose({ trace: id, compare: null, stage: null }),
  compare,
  send: () => send("GET", "/api/products").catch(() => live("away", "Not sent: the service cannot be reached")),
});
const chosen = new Chosen(previousOf);

addEventListener("popstate", show);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") chosen.closeStage();
});
signup(linkTo);
show();
follow({
  onlive: () => {
    live("on", "Live");
    // What has happened while nobody was listening.
    summaries().then(add, (trouble) => live("away", trouble.message));
    chosen.again();
  },
  onaway: () => live("away", "Not live: the collector cannot be reached. Trying again"),
  ontrace: (summary) => {
    add([summary]);
    offer(summary);
    chosen.refresh(summary.trace_id);
  },
});

/** @param {Summary[]} them */
function add(them) {
  requests.add(them);
  chosen.offerPrevious();
}

function show() {
  requests.mark(selection());
  chosen.show();
}

/** @param {string} id */
function compare(id) {
  chooseToCompare(id);
  if (!selection().compare) say("Now choose Compare on another request.");
}

/** @param {"on" | "away"} kind @param {string} text */
function live(kind, text) {
  const place = byId("live");
  place.className = `live ${kind}`;
  // A status is read aloud whenever it is set, even to the same.
  if (place.textContent !== text) place.textContent = text;
}

/** @param {import("./api.js").Trace} trace @returns {string | null} the one before it that did the same */
function previousOf(trace) {
  const same = requests.all.find((it) => it.started_at < trace.started_at
    && it.method === trace.method && (it.route ?? it.path) === (trace.route ?? trace.path));
  return same?.trace_id ?? null;
}

/**
 * A button that opens the request with that id, as soon as the collector has told of it.
 *
 * @param {string | null} requestId
 */
function linkTo(requestId) {
  const button = el("button", { class: "quiet", hidden: true, "data-request": requestId }, "See every stage of it");
  const known = requests.all.find((it) => requestId && it.request_id === requestId);
  if (known) lead(button, known.trace_id);
  return button;
}

/** @param {Summary} summary */
function offer({ request_id: requestId, trace_id: traceId }) {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-request]"));
  if (button && requestId && button.dataset.request === requestId) lead(button, traceId);
}

/** @param {HTMLElement} button @param {string} traceId */
function lead(button, traceId) {
  button.hidden = false;
  button.onclick = () => choose({ trace: traceId, compare: null, stage: null });
}
