// @ts-check
import { byId, el } from "../ui/dom.js";
import { glyph } from "../ui/places.js";

/** @typedef {import("../collector/api.js").Summary} Summary */

const LIT_MS = 900;

/** Draws the path of a request. Each place lights up when a request has passed it. */
export class Path {
  constructor() {
    /** @type {Map<string, HTMLElement>} */
    this.places = new Map();
    /** @type {Map<string, number>} timers that end the light of a place */
    this.timers = new Map();
    byId("path").replaceChildren(el("ol", { class: "path", "aria-label": "The path of a request" },
      this.place("client", "Client", "browser, curl"),
      this.place("load-balancer", "Load balancer", "Caddy"),
      this.place("app", "App", "FastAPI"),
      el("li", { class: "branches" }, el("ul", {},
        this.place("redis", "Cache", "Valkey"),
        this.place("database", "Database", "PostgreSQL"),
        this.place("worker", "Queue", "worker, mail", "app"),
      )),
    ));
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {string | Node} detail
   * @param {string} [shape] the place whose shape is shown
   */
  place(name, label, detail, shape = name) {
    const item = el("li", { class: `place ${shape}` },
      glyph(shape), el("strong", {}, label), el("span", { class: "soft" }, detail));
    this.places.set(name, item);
    return item;
  }

  /** Light up the places of a request. @param {Summary} summary */
  light({ processes, cache, route }) {
    const names = ["client", "load-balancer", "app", "worker"].filter((name) => processes.some((it) => it.startsWith(name)));
    if (cache) names.push("redis");
    // Neither a cached response nor a request without a route needs an SQL statement.
    if (route && cache !== "hit") names.push("database");
    for (const name of names) {
      const place = this.places.get(name);
      place?.classList.add("lit");
      clearTimeout(this.timers.get(name));
      this.timers.set(name, setTimeout(() => place?.classList.remove("lit"), LIT_MS));
    }
  }
}
