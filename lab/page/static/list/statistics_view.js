// @ts-check
import { statistics } from "../collector/api.js";
import { byId, el, setProperties } from "../ui/dom.js";
import { duration, share } from "../ui/format.js";
import { MIN_REQUESTS, period, rangeOf, rate } from "./usual.js";

/** @typedef {import("../collector/api.js").Statistics} Statistics @typedef {import("../collector/api.js").RouteStatistics} RouteStatistics */

/** While requests arrive, the statistics are read at most once in this time. */
const INTERVAL_MS = 2000;

const COLUMNS = ["Route", "Requests", "Rate", "4xx", "5xx", "p50", "p95", "p99", "Distribution"];

/** Shows the statistics of each route, and keeps them up to date. */
export class StatisticsView {
  /**
   * @param {(items: RouteStatistics[]) => void} onread
   * @param {(route: string, method: string) => void} find shows the requests to a route
   */
  constructor(onread, find) {
    this.onread = onread;
    this.find = find;
    this.timer = 0;
    this.place = byId("statistics");
    /** @type {Statistics | null} */
    this.last = null;
  }

  /** Read the statistics in a moment, because requests have arrived. */
  readSoon() {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.read();
    }, INTERVAL_MS);
  }

  async read() {
    // If the collector is unreachable, the page says so elsewhere, and the old statistics stay.
    const read = await statistics().catch(() => null);
    if (!read) return;
    this.onread(read.items);
    this.last = read;
    this.draw();
  }

  /** Draw the statistics that were read last, if their tab is open. */
  draw() {
    if (this.place.hidden || !this.last) return;
    const { items, bounds_ms: bounds, requests, seconds } = this.last;
    const text = JSON.stringify([items, requests]);
    if (text === this.place.dataset.of) return;
    this.place.dataset.of = text;
    const focused = this.place.contains(document.activeElement) ? document.activeElement?.textContent : null;
    this.place.replaceChildren(
      el("p", { class: "soft rule" },
        `Requests in the last ${period(seconds)}, without assets and health checks: ${requests}. `
        + "Times are measured at the load balancer. A request is marked ",
        el("span", { class: "slow" }, "slow"),
        ` if it took longer than the p95 of its route. A route needs at least ${MIN_REQUESTS} requests for this.`),
      el("div", { role: "table", class: "routes", hidden: items.length === 0, "aria-label": "Statistics of each route" },
        el("div", { role: "rowgroup" }, el("div", { role: "row", class: "of-route head" },
          ...COLUMNS.map((name) => el("div", { role: "columnheader" }, name)))),
        el("div", { role: "rowgroup" }, ...items.map((it) => this.row(it, bounds)))));
    if (focused) [...this.place.querySelectorAll("button")].find((it) => it.textContent === focused)?.focus();
  }

  /** @param {RouteStatistics} it @param {number[]} bounds */
  row(it, bounds) {
    const { method, route, requests } = it;
    const name = [el("span", { class: "method" }, method ?? "?"), ` ${route ?? "no route"}`];
    return el("div", { role: "row", class: "of-route" },
      cell("Route", route && method
        ? el("button", { class: "find", title: "Show the requests to this route", onclick: () => this.find(route, method) }, ...name)
        : el("span", {}, ...name)),
      cell("Requests", String(requests)),
      cell("Rate", rate(it.per_second)),
      cell("4xx", failed(it.client_errors, requests, "client")),
      cell("5xx", failed(it.server_errors, requests, "server")),
      ...["p50", "p95", "p99"].map((name) => cell(name, duration(it[/** @type {"p50_ms"} */ (`${name}_ms`)]))),
      cell("Distribution", histogram(it.histogram, bounds)));
  }
}

/** @param {string} name @param {Node | string} content */
function cell(name, content) {
  return el("div", { role: "cell", "data-name": name }, content);
}

/** @param {number} errors @param {number} requests @param {string} kind */
function failed(errors, requests, kind) {
  return errors > 0 ? el("span", { class: `by-${kind}` }, share(errors, requests)) : el("span", { class: "soft" }, "0\u00a0%");
}

/** Draw a bar for each range of durations. Screen readers get the ranges as text. @param {number[]} counts @param {number[]} bounds */
function histogram(counts, bounds) {
  const highest = Math.max(...counts);
  const bars = counts.map((count, at) => setProperties(
    el("span", { class: count > 0 && "filled", title: `${rangeOf(bounds, at)}: ${count}` }), { high: count / highest }));
  const all = counts.flatMap((count, at) => (count > 0 ? [`${count}: ${rangeOf(bounds, at)}`] : []));
  return el("div", { class: "distribution" },
    el("div", { class: "histogram", "aria-hidden": "true" }, ...bars),
    el("span", { class: "soft" }, `most often ${rangeOf(bounds, counts.indexOf(highest))}`),
    el("span", { class: "visually-hidden" }, `. Requests by duration: ${all.join("; ")}.`));
}
