// @ts-check
import { summaries } from "./api.js";
import { DetailView } from "./detail_view.js";
import { announce, byId, el } from "./dom.js";
import { follow } from "./live.js";
import { live } from "./live_status.js";
import { Path } from "./path.js";
import { presets } from "./presets.js";
import { Requests } from "./requests.js";
import { choose, chooseToCompare, selection } from "./selection.js";
import { send } from "./sending.js";
import { signup } from "./signup.js";

/** @typedef {import("./api.js").Summary} Summary */

const requests = new Requests({
  choose: (id) => choose({ trace: id, compare: null, stage: null }),
  compare,
  send: () => send("GET", "/api/products").catch(() => live("away", "Not sent: the service is unreachable")),
});
const path = new Path();
const details = new DetailView(previousOf);
let newMessages = 0;

addEventListener("popstate", show);
addEventListener("keydown", (event) => {
  if (event.key === "Escape") details.closeStage();
});
presets(linkTo);
signup(linkTo);
byId("skip").addEventListener("click", (event) => {
  // The link must not change the address, which has the selection.
  event.preventDefault();
  byId("requests").focus();
});
show();
follow({
  onlive: () => {
    live("on", "Live");
    // Events from before the connection was open are missing, so the list is read again.
    summaries().then(addFirst, (error) => live("away", error.message));
    details.retry();
  },
  onaway: () => live("away", "Not live: the collector is unreachable. Retrying"),
  ontrace: (summary) => {
    add([summary]);
    path.light(summary);
    connectLink(summary);
    details.refresh(summary.trace_id);
  },
  onmail: countMessage,
});

/** Show at the link to the mailbox how many messages have arrived since the page was loaded. */
function countMessage() {
  newMessages += 1;
  byId("new-messages").textContent = `${newMessages} new`;
}

/** @param {Summary[]} first the requests that the collector has now */
function addFirst(first) {
  const wasEmpty = requests.all.length === 0;
  add(first);
  // The list moves what is below it.
  if (wasEmpty) requestAnimationFrame(() => details.reveal());
}

/** @param {Summary[]} added */
function add(added) {
  requests.add(added);
  details.offerPrevious();
}

function show() {
  requests.mark(selection());
  details.show();
}

/** @param {string} id */
function compare(id) {
  chooseToCompare(id);
  if (!selection().compare) announce("Now select Compare on another request.");
}

/** @param {import("./api.js").Trace} trace @returns {string | null} the id of the previous request to the same route */
function previousOf(trace) {
  const same = requests.all.find((it) => it.started_at < trace.started_at
    && it.method === trace.method && (it.route ?? it.path) === (trace.route ?? trace.path));
  return same?.trace_id ?? null;
}

/**
 * Make a button that opens the request with this id. It is hidden until the collector has the trace.
 *
 * @param {string | null} requestId
 */
function linkTo(requestId) {
  const button = el("button", { class: "quiet", hidden: true, "data-request": requestId }, "Show all its stages");
  const summary = requests.all.find((it) => requestId && it.request_id === requestId);
  if (summary) enableLink(button, summary.trace_id);
  return button;
}

/** @param {Summary} summary */
function connectLink({ request_id: requestId, trace_id: traceId }) {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-request]"));
  if (button && requestId && button.dataset.request === requestId) enableLink(button, traceId);
}

/** @param {HTMLElement} button @param {string} traceId */
function enableLink(button, traceId) {
  button.hidden = false;
  button.onclick = () => choose({ trace: traceId, compare: null, stage: null });
}
