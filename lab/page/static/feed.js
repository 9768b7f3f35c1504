// @ts-check
import { requestPage } from "./api.js";
import { isNarrow } from "./filter.js";

/**
 * @typedef {import("./api.js").Entry} Entry
 * @typedef {import("./api.js").Page} Page
 * @typedef {import("./filter.js").Filter} Filter
 */

/** With a filter, the page asks the collector at most this often which new requests match. */
const ASK_INTERVAL_MS = 300;

/** Fills the list from the collector: the first page, older pages, and new requests that match. */
export class Feed {
  /**
   * @param {import("./requests.js").Requests} list
   * @param {object} handlers
   * @param {(page: Page) => void} handlers.onpage
   * @param {(error: import("./api.js").ApiError) => void} handlers.onerror
   */
  constructor(list, { onpage, onerror }) {
    this.list = list;
    this.onpage = onpage;
    this.onerror = onerror;
    /** @type {Filter} */
    this.filter = {};
    /** @type {Filter | null} the filter that the collector has refused as invalid */
    this.refused = null;
    this.asking = false;
    this.askAgain = false;
  }

  /** Show the requests that match, and no others. @param {Filter} filter */
  async show(filter) {
    this.filter = filter;
    this.list.loaded = false;
    await this.ask();
  }

  /** Add an older page. */
  async loadOlder() {
    const filter = this.filter;
    const page = await this.read(filter, this.list.cursor);
    if (page && filter === this.filter) this.list.addOlder(page.items, page.next_cursor !== null);
  }

  /** Take a request that is new or has changed. @param {Entry} entry */
  receive(entry) {
    const isShown = !isNarrow(this.filter) && (!entry.background || "background" in this.filter);
    if (this.list.has(entry.trace_id) || (isShown && this.list.loaded)) this.list.add([entry]);
    else if (!this.list.loaded || isNarrow(this.filter)) this.askSoon();
  }

  /** Read the first page, and again if a request arrives in the meantime. */
  async askSoon() {
    this.askAgain = true;
    if (this.asking || this.filter === this.refused) return;
    this.asking = true;
    while (this.askAgain) {
      this.askAgain = false;
      await this.ask();
      await new Promise((resolve) => setTimeout(resolve, ASK_INTERVAL_MS));
    }
    this.asking = false;
  }

  /** Read the first page, and show it. */
  async ask() {
    const filter = this.filter;
    const page = await this.read(filter);
    // The filter may have changed meanwhile.
    if (!page || filter !== this.filter) return;
    // If no request of the page is listed already, there may be others between the page and the list.
    const hasGap = page.next_cursor !== null && !page.items.some((it) => this.list.has(it.trace_id));
    if (!this.list.loaded || hasGap) this.list.reset(page.items, page.next_cursor !== null);
    else this.list.add(page.items);
    this.onpage(page);
  }

  /** @param {Filter} filter @param {string} [cursor] @returns {Promise<Page | null>} null after an error */
  async read(filter, cursor) {
    try {
      return await requestPage(filter, cursor);
    } catch (error) {
      const reason = /** @type {import("./api.js").ApiError} */ (error);
      if (reason.parameter) this.refused = filter;
      if (filter === this.filter) this.onerror(reason);
      return null;
    }
  }
}
