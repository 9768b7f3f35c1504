// @ts-check
import { byId, el, reconcile } from "../ui/dom.js";
import { clockOrDate } from "../ui/format.js";

/** @typedef {import("../collector/api.js").Message} Message */

/** The mailbox keeps at most this number of messages. */
const MAX_MESSAGES = 200;

/** The list of messages, newest on top. Each message is a link, which selects the message. */
export class MessageList {
  constructor() {
    this.place = byId("list");
    this.empty = byId("empty");
    /** @type {Map<number, Element>} the items by the message's id */
    this.items = new Map();
    /** @type {string | null} */
    this.marked = null;
  }

  /** Show the messages that are loading, and the messages that `add` receives in the meantime. @param {Promise<Message[]>} loading */
  async load(loading) {
    const before = new Set(this.items.keys());
    const messages = await loading;
    const kept = this.items;
    const added = [...kept].filter(([id]) => !before.has(id));
    this.items = new Map([...added, ...messages.map((it) => /** @type {const} */ ([it.id, kept.get(it.id) ?? item(it)]))]);
    this.draw();
  }

  /** @param {Message} message */
  add(message) {
    this.items.set(message.id, item(message));
    this.draw();
  }

  /** Mark the selected message. @param {string | null} id */
  mark(id) {
    this.marked = id;
    for (const [other, element] of this.items) {
      const link = /** @type {HTMLElement} */ (element.firstElementChild);
      if (String(other) === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  draw() {
    const newestFirst = [...this.items].sort(([one], [other]) => other - one).slice(0, MAX_MESSAGES);
    this.items = new Map(newestFirst);
    reconcile(this.place, newestFirst.map(([, element]) => element));
    this.place.hidden = this.items.size === 0;
    this.empty.hidden = this.items.size > 0;
    this.mark(this.marked);
  }
}

/** @param {Message} message */
function item({ id, subject, to, received_at: receivedAt }) {
  return el("li", {},
    el("a", { href: `#message=${id}`, "data-message": id },
      el("span", { class: "subject" }, subject || "(no subject)"),
      el("span", { class: "to soft" }, to.join(", ")),
      el("span", { class: "time soft" }, clockOrDate(receivedAt))));
}
