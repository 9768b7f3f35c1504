// @ts-check
import { byId } from "../ui/dom.js";
import { filterOf, queryOf } from "./filter.js";

/** @typedef {import("./filter.js").Filter} Filter */

/** The filter is applied when the user has not typed for this time. */
const TYPING_PAUSE_MS = 250;

/** The form of the filter. The filter itself is in the page's address. */
export class FilterForm {
  /** @param {(filter: Filter) => void} onchange */
  constructor(onchange) {
    this.onchange = onchange;
    this.form = /** @type {HTMLFormElement} */ (byId("filter"));
    this.opener = byId("open-filter");
    this.clearer = byId("clear-filter");
    this.timer = 0;
    this.filter = filterOf(new URLSearchParams(location.search));
    this.opener.addEventListener("click", () => {
      this.open(Boolean(this.form.hidden));
      if (!this.form.hidden) this.input("path").focus();
    });
    this.clearer.addEventListener("click", () => {
      this.set({});
      // The pressed button is hidden now, so it has lost the focus.
      this.opener.focus();
    });
    this.form.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.take(), TYPING_PAUSE_MS);
    });
    this.open(Object.keys(this.filter).length > 0);
    this.fill();
  }

  /** Read the address again, after the user went back or forward. */
  reread() {
    const filter = filterOf(new URLSearchParams(location.search));
    if (queryOf(filter) !== queryOf(this.filter)) this.show(filter);
  }

  /** Set the whole filter, also in the address. @param {Filter} filter */
  set(filter) {
    this.replaceAddress(filter);
    this.show(filter);
  }

  /** Show an error at the field of the query parameter that caused it. @param {string} message @param {string} [parameter] */
  showError(message, parameter) {
    this.clearError();
    this.open(true);
    byId("filter-error").textContent = message;
    const input = parameter && this.form.elements.namedItem(parameter);
    if (!(input instanceof HTMLInputElement)) return;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", "filter-error");
  }

  clearError() {
    byId("filter-error").textContent = "";
    for (const input of this.form.querySelectorAll("input")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
  }

  /** Take what the user has typed. The fields stay as they are. */
  take() {
    clearTimeout(this.timer);
    // The form has no files, so its values are texts.
    const filter = filterOf(/** @type {Iterable<[string, string]>} */ (new FormData(this.form)));
    if (queryOf(filter) === queryOf(this.filter)) return;
    this.filter = filter;
    this.replaceAddress(filter);
    this.mark();
    this.onchange(filter);
  }

  /** @param {Filter} filter */
  show(filter) {
    this.filter = filter;
    this.fill();
    this.onchange(filter);
  }

  fill() {
    for (const input of this.form.querySelectorAll("input")) {
      if (input.type === "checkbox") input.checked = this.filter[input.name] === input.value;
      else input.value = this.filter[input.name] ?? "";
    }
    this.mark();
  }

  /** Show how many values are set, also while the form is closed. */
  mark() {
    const count = Object.keys(this.filter).length;
    this.opener.textContent = count > 0 ? `Filter (${count})` : "Filter";
    this.clearer.hidden = count === 0;
    this.clearError();
  }

  /** @param {boolean} isOpen */
  open(isOpen) {
    this.form.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
  }

  /** @param {Filter} filter */
  replaceAddress(filter) {
    // The history gets no new entry. Otherwise, the user would have to go back through each typed character.
    history.replaceState(null, "", `${location.pathname}${queryOf(filter)}${location.hash}`);
  }

  /** @param {string} name */
  input(name) {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
  }
}
