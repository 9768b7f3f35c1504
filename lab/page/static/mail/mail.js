// @ts-check
import { message, messages } from "../collector/api.js";
import { announce, byId, el } from "../ui/dom.js";
import { follow } from "../collector/events.js";
import { showConnection } from "../ui/live_status.js";
import { MessageList } from "./message_list.js";
import { messageView } from "./message_view.js";

const SELECTION = /^#message=(\d+)$/;

const list = new MessageList();
const place = byId("message");
/** Whether the last attempt to load the selected message has failed. */
let failed = false;

addEventListener("hashchange", () => {
  // The skip link also changes the hash, but this hash selects no message.
  if (location.hash !== "#messages") show(true);
});
show(false);
follow({
  onlive: () => {
    showConnection("on", "Live");
    // Events from before the connection was open are missing, so the list is read again.
    list.load(messages()).catch((error) => showConnection("away", error.message));
    if (failed) show(false);
  },
  onaway: () => showConnection("away", "Not live: the collector is unreachable. Retrying"),
  onmail: (summary) => {
    list.add(summary);
    announce(`New message: ${summary.subject}`);
  },
});

/** @returns {string | null} the id of the message that the page's address selects */
function selected() {
  return SELECTION.exec(location.hash)?.[1] ?? null;
}

/** Draw the selected message. @param {boolean} byUser if true, move the focus to the message */
async function show(byUser) {
  const id = selected();
  list.mark(id);
  failed = false;
  if (!id) {
    place.hidden = true;
    return;
  }
  const result = await message(id).catch((/** @type {Error} */ error) => error);
  // The selection may have changed while the message was read.
  if (selected() !== id) return;
  failed = result instanceof Error;
  place.replaceChildren(...(result instanceof Error ? failure(result) : messageView(result)));
  place.hidden = false;
  if (byUser) byId("message-title").focus();
}

/** @param {Error} error @returns {HTMLElement[]} */
function failure(error) {
  return [el("h2", { id: "message-title", tabindex: "-1" }, "No message"), el("p", { class: "failure", role: "alert" }, error.message)];
}
