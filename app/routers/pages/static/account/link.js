// @ts-check

/**
 * @typedef {{heading: string, text: string}} Words
 *
 * @typedef {{detail: string, pointer?: string}} FieldProblem `pointer` is a JSON Pointer into the body
 * @typedef {{code?: string, detail?: string, errors?: FieldProblem[]}} Problem RFC 9457
 *
 * @typedef {object} Outcome
 * @property {number} status 0 if there was no response
 * @property {Problem} problem empty if the response has no problem document
 * @property {number} retryAfterSeconds 0 if the response has no `Retry-After`
 *
 * @typedef {object} Options
 * @property {string} path the API route that accepts the token
 * @property {string} sending the button's label while a request runs
 * @property {Words} done what the page shows after success
 * @property {string} ifInvalid what to do if the link is not valid
 * @property {() => Record<string, string>} [values] returns the body's members besides the token
 * @property {(errors: FieldProblem[]) => boolean} [showErrors] shows errors at the form's fields, and
 *   removes earlier errors; returns whether a field has an error
 * @property {() => void} [clear] empties the form
 */

const TIMEOUT_MS = 30_000;
const MAX_SHOWN_SECONDS = 90;

const INCOMPLETE = {
  heading: "This link is incomplete",
  text: "Open the link in the message again. If that does not help, copy the whole link into the address bar.",
};
const REFUSED = "This link does not work";
const UNREACHABLE = "The service cannot be reached. Check your connection, and try again.";
const FAILED = "The service has a problem. Try again in a few minutes.";

/** A page that sends the token in its URL to the service when the user submits the form. */
export class LinkPage {
  #options;
  #ready = { heading: byId("heading").textContent ?? "", text: byId("text").textContent ?? "" };
  #label = byId("send").textContent ?? "";
  // The token is nowhere else: not in the DOM, a query or a storage.
  #token = "";
  /** Aborted when the tab opens another link. */
  #link = new AbortController();

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /** Show the form for the link in the address bar, and for each link that this tab opens later. */
  open() {
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (!isSending()) this.#submit();
    });
    addEventListener("hashchange", () => {
      this.#start();
      byId("heading").focus();
    });
    this.#start();
    byId("content").hidden = false;
  }

  #start() {
    this.#link.abort();
    this.#link = new AbortController();
    this.#token = takeToken();
    this.#options.clear?.();
    setSending(this.#label, false);
    byId("problem").textContent = "";
    if (this.#token) show("ready", this.#ready);
    else show("failed", INCOMPLETE);
  }

  async #submit() {
    const { signal } = this.#link;
    const { path, sending, values, showErrors } = this.#options;
    const body = { token: this.#token, ...values?.() };
    byId("problem").textContent = "";
    showErrors?.([]);
    setSending(sending, true);
    const outcome = await put(path, body, signal);
    if (signal.aborted) return;
    setSending(this.#label, false);
    this.#showOutcome(outcome);
  }

  /** @param {Outcome} outcome */
  #showOutcome(outcome) {
    const { status, problem } = outcome;
    const { done, ifInvalid, showErrors } = this.#options;
    const errors = problem.errors ?? [];
    if (status === 204) this.#end("done", done);
    else if (isTemporary(status)) byId("problem").textContent = advice(outcome);
    else if (errors.some(({ pointer }) => pointer === "/token")) this.#end("failed", INCOMPLETE);
    else if (showErrors?.(errors)) document.title = titleOf(`Error: ${this.#ready.heading}`);
    else {
      const next = problem.code === "invalid-link" ? ` ${ifInvalid}` : "";
      this.#end("failed", { heading: REFUSED, text: (problem.detail ?? FAILED) + next });
    }
  }

  /** @param {"done" | "failed"} state @param {Words} words */
  #end(state, words) {
    this.#token = "";
    this.#options.clear?.();
    show(state, words);
    byId("heading").focus();
  }
}

/** Return an element that exists on the page. @param {string} id */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Remove the token from the address bar and the tab's history, and return it. */
function takeToken() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  return token;
}

/** @param {"ready" | "done" | "failed"} state @param {Words} words */
function show(state, { heading, text }) {
  byId("page").dataset.state = state;
  byId("heading").textContent = heading;
  byId("text").textContent = text;
  byId("form").hidden = state !== "ready";
  document.title = titleOf(heading);
}

/** @param {string} heading */
function titleOf(heading) {
  return `${heading.replace(/\.$/, "")} · Roundtrip`;
}

function isSending() {
  return byId("send").getAttribute("aria-disabled") === "true";
}

/**
 * The button gets `aria-disabled` and not `disabled`, because a disabled button loses the focus.
 *
 * @param {string} label
 * @param {boolean} sending
 */
function setSending(label, sending) {
  byId("send").textContent = label;
  byId("send").setAttribute("aria-disabled", String(sending));
  byId("announcement").textContent = sending ? label : "";
}

/**
 * Send a request without cookies, because the token is all that the service needs.
 *
 * @param {string} path
 * @param {Record<string, string>} body
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
async function put(path, body, signal) {
  try {
    const response = await fetch(path, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const retryAfterSeconds = Number(response.headers.get("Retry-After")) || 0;
    return { status: response.status, problem: await problemOf(response), retryAfterSeconds };
  } catch {
    return { status: 0, problem: {}, retryAfterSeconds: 0 };
  }
}

/** @param {Response} response @returns {Promise<Problem>} */
async function problemOf(response) {
  const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  return isProblem ? await response.json().catch(() => ({})) : {};
}

/** Return whether another attempt may succeed. @param {number} status */
function isTemporary(status) {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** Return what to do after a temporary failure. @param {Outcome} outcome */
function advice({ status, problem, retryAfterSeconds }) {
  if (status === 0) return UNREACHABLE;
  if (status === 429) return `Too many attempts. Try again ${wait(retryAfterSeconds)}.`;
  return problem.detail ?? FAILED;
}

/** @param {number} seconds */
function wait(seconds) {
  if (seconds === 0) return "later";
  if (seconds === 1) return "in a second";
  if (seconds <= MAX_SHOWN_SECONDS) return `in ${seconds} seconds`;
  return `in ${Math.ceil(seconds / 60)} minutes`;
}
