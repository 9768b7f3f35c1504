// @ts-check
import { requestPage } from "../collector/api.js";
import { isNarrow } from "./filter.js";

/**
 * @typedef {import("../collector/api.js").Entry} Entry
 * @typedef {import("../collector/api.js").Page} Page
 * @typedef {import("./filter.js").Filter} Filter
 */

/** With a filter, the page reads the matching requests at most once in this time. */
const ASK_INTERVAL_MS = 300;
/** After an error, the page asks again after this time, unless the collector has refused the filter. */
const RETRY_DELAY_MS = 2000;

/** Fills the list from the collector: the first page, older pages, and new requests that match. */
export class Feed {
  /**
   * @param {import("./requests.js").RequestList} list
   * @param {object} handlers
   * @param {(page: Page) => void} handlers.onpage
   * @param {(error: import("../collector/api.js").ApiError) => void} handlers.onerror
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
    this.retry = 0;
    /** @type {Map<string, Entry> | null} the requests that have arrived since `ask` began to read a page; they are newer than the page */
    this.arrived = null;
  }

  /** Show the requests that match, and no others. @param {Filter} filter */
  async show(filter) {
    this.filter = filter;
    this.list.loaded = false;
    await this.ask();
  }

  /** Add an older page. */
  async loadOlder() {
    const { filter, list } = this;
    const { cursor } = list;
    if (cursor === null) return;
    const page = await this.read(filter, cursor);
    // The filter or the end of the list may have changed while the page was read.
    if (page && filter === this.filter && cursor === list.cursor) list.addOlder(page.items, page.next_cursor);
  }

  /** Handle a request that is new or has changed. @param {Entry} entry */
  receive(entry) {
    const isShown = !isNarrow(this.filter) && (!entry.background || this.filter.background === "show");
    if (isShown || this.list.has(entry.trace_id)) {
      this.arrived?.set(entry.trace_id, entry);
      if (this.list.loaded) this.list.add([entry]);
    } else if (isNarrow(this.filter)) {
      this.askSoon();
    }
  }

  /** Read the first page, and again if a request arrives in the meantime. */
  async askSoon() {
    if (this.filter === this.refused) return;
    this.askAgain = true;
    if (this.asking) return;
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
    const { filter, list } = this;
    if (filter === this.refused) return;
    clearTimeout(this.retry);
    const arrived = this.arrived = new Map();
    const known = list.ids();
    const page = await this.read(filter);
    // If a later call has begun, for example because the filter has changed, its page replaces this page.
    if (arrived !== this.arrived) return;
    this.arrived = null;
    if (!page) return;
    // If the list had none of the page's requests, there may be a gap: the collector can have requests that
    // are older than the page and newer than the list. The page then replaces the list.
    const hasGap = page.next_cursor !== null && !page.items.some((it) => known.has(it.trace_id));
    const items = [...page.items, ...arrived.values()];
    if (!list.loaded) list.reset(items, page.next_cursor);
    else if (hasGap) list.replace(items, page.next_cursor);
    else list.add(items);
    this.onpage(page);
  }

  /** @param {Filter} filter @param {string} [cursor] @returns {Promise<Page | null>} null after an error */
  async read(filter, cursor) {
    try {
      return await requestPage(filter, cursor);
    } catch (error) {
      const reason = /** @type {import("../collector/api.js").ApiError} */ (error);
      if (filter !== this.filter) return null;
      if (reason.parameter) this.refused = filter;
      clearTimeout(this.retry);
      if (!reason.parameter) this.retry = setTimeout(() => this.ask(), RETRY_DELAY_MS);
      // If no page has been read since `show`, the list still has the requests of the earlier filter.
      if (!this.list.loaded) this.list.clear();
      this.onerror(reason);
      return null;
    }
  }
}
