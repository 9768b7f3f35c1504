// @ts-check
import { cancelComparison, chooseForComparison, marked, showNextStep } from "./detail/comparison_choice.js";
import { requestPage } from "./collector/api.js";
import { DetailView } from "./detail/detail_view.js";
import { announce, byId, el } from "./ui/dom.js";
import { emptyList } from "./list/empty_list.js";
import { Feed } from "./list/feed.js";
import { isNarrow } from "./list/filter.js";
import { FilterForm } from "./list/filter_form.js";
import { follow } from "./collector/events.js";
import { showConnection } from "./ui/live_status.js";
import { Path } from "./send/path.js";
import { example, presets } from "./send/presets.js";
import { RequestList } from "./list/requests.js";
import { choose } from "./detail/selection.js";
import { signup } from "./send/signup.js";
import { StatisticsView } from "./list/statistics_view.js";
import { addTabs } from "./ui/tabs.js";
import { RouteDurations } from "./list/usual.js";

/** @typedef {import("./collector/api.js").Entry} Entry @typedef {import("./collector/api.js").Page} Page */

const routeDurations = new RouteDurations();
const empty = emptyList(() => {
  example(linkTo);
  focusList();
}, () => {
  filter.set({});
  focusList();
});
const requests = new RequestList({
  choose: (id) => choose({ trace: id, compare: null, stage: null }),
  compare: chooseForComparison,
  loadOlder: () => feed.loadOlder(),
  slownessOf: (entry) => routeDurations.slownessOf(entry),
}, empty.element);
/** @type {Feed} */
const feed = new Feed(requests, { onpage, onerror });
const filter = new FilterForm((changed) => feed.show(changed));
const statistics = new StatisticsView((items) => {
  routeDurations.update(items);
  requests.drawSoon();
}, find);
const openTab = addTabs(byId("requests"), () => statistics.draw());
const path = new Path();
const details = new DetailView();
let newMessages = 0;

addEventListener("popstate", () => {
  filter.reread();
  show();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") details.closeStage();
});
presets(linkTo);
signup(linkTo);
byId("skip").addEventListener("click", (event) => {
  // The link must not change the address, which contains the selection.
  event.preventDefault();
  focusList();
});
show();
feed.filter = filter.filter;
follow({
  onlive: () => {
    showConnection("on", "Live");
    // Events from before the connection was open are missing, so the list is read again.
    feed.ask();
    statistics.read();
    details.refresh();
  },
  onaway: () => showConnection("away", "Not live: the collector is unreachable. Retrying"),
  ontrace: (entry) => {
    feed.receive(entry);
    statistics.readSoon();
    path.light(entry);
    connectLink(entry);
    details.refresh(entry.trace_id);
  },
  onmail: countMessage,
});

/** Show at the link to the mailbox how many messages have arrived since the page was loaded. */
function countMessage() {
  newMessages += 1;
  byId("new-messages").textContent = `${newMessages} new`;
}

/** Focus the list's section. A row is not focused, because the list shows no new requests while a row has the focus. */
function focusList() {
  byId("requests").focus({ preventScroll: true });
}

let wasRead = false;
let announced = "";

/** @param {Page} page the first page of the list */
function onpage({ total }) {
  const isFiltered = Object.keys(filter.filter).length > 0;
  empty.explain(isFiltered);
  const text = `${total} ${total === 1 ? "request matches" : "requests match"}`;
  showState(isNarrow(filter.filter) ? text : "");
  // A screen reader announces the number once for each filter, and not for each new request.
  if (isNarrow(filter.filter) && announced !== JSON.stringify(filter.filter)) announce(text);
  announced = JSON.stringify(filter.filter);
  // The first rows of the list move the selected request down, so the page scrolls to the request again.
  if (!wasRead) requestAnimationFrame(() => details.reveal());
  wasRead = true;
}

/** @param {import("./collector/api.js").ApiError} error */
function onerror(error) {
  if (error.parameter) filter.showError(error.message, error.parameter);
  showState(error.parameter ? "" : error.message, "invalid");
}

/** Show at the head of the list how many requests match, or why they were not read. @param {string} text @param {string} kind */
function showState(text, kind = "soft") {
  const place = byId("matches");
  if (kind === "invalid" && text && text !== place.textContent) announce(text);
  place.className = kind;
  place.hidden = !text;
  place.textContent = text;
}

/** Show the requests to a route. @param {string} route @param {string} method */
function find(route, method) {
  openTab(byId("list-tab"));
  filter.set({ route, method });
  byId("list-tab").focus();
}

function show() {
  requests.mark(marked());
  showNextStep(() => {
    cancelComparison();
    show();
    focusList();
  });
  details.show();
}

/**
 * Make a button that opens the request with this id. The button is hidden until the collector has the trace.
 *
 * @param {string | null} requestId
 */
function linkTo(requestId) {
  const button = el("button", { class: "quiet", hidden: true, "data-request": requestId }, "Show all its stages");
  if (requestId) findRequest(requestId);
  return button;
}

/** Look for the trace in the list, because its event may have arrived before the response. @param {string} requestId */
async function findRequest(requestId) {
  const page = await requestPage({ id: requestId, background: "show" }).catch(() => null);
  page?.items.forEach(connectLink);
}

/** @param {Entry} entry */
function connectLink({ request_id: requestId, trace_id: traceId }) {
  const button = /** @type {HTMLElement | null} */ (document.querySelector("[data-request]"));
  if (button && requestId && button.dataset.request === requestId) enableLink(button, traceId);
}

/** @param {HTMLElement} button @param {string} traceId */
function enableLink(button, traceId) {
  button.hidden = false;
  button.onclick = () => choose({ trace: traceId, compare: null, stage: null });
}
