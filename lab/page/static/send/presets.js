// @ts-check
import { byId, el } from "../ui/dom.js";
import { status } from "../ui/summary_parts.js";
import { send } from "./sending.js";

/** @typedef {{status: number, body: any, requestId: string | null, call: string, note?: string}} Answer */

const PASSWORD = "correct horse battery";
const CATALOGUE = "/api/products?limit=20";
const QUERY = "{ products(first: 3) { nodes { name stock price { amount currency } } } }";

/** What each button sends. Each function returns the answer to its last request. */
const PRESETS = {
  "Uncached read": () => call("GET", `/api/products?limit=${1 + Math.floor(Math.random() * 100)}`),
  "Cached read": async () => {
    await call("GET", CATALOGUE);
    return call("GET", CATALOGUE);
  },
  "Email taken": async () => {
    const account = newAccount();
    await call("POST", "/api/users", account);
    return call("POST", "/api/users", account);
  },
  Order: placeOrder,
  GraphQL: () => call("POST", "/graphql", { query: QUERY }),
};

/**
 * Set up the buttons, and the form for any request.
 *
 * @param {(requestId: string | null) => Node} linkTo makes a link to the stages of a request
 */
export function presets(linkTo) {
  const buttons = Object.entries(PRESETS).map(([name, run]) => el("button", {
    class: "quiet", onclick: () => show(run, linkTo),
  }, name));
  byId("presets").replaceChildren(opener("Signup", "signup"), ...buttons, opener("Any request", "own"));
  byId("own").addEventListener("submit", (event) => {
    event.preventDefault();
    sendOwn(linkTo);
  });
}

/** Send a GET request as an example. @param {(requestId: string | null) => Node} linkTo */
export function example(linkTo) {
  return show(() => call("GET", "/api/products"), linkTo);
}

/** Make a button that shows or hides a form. @param {string} name @param {string} id of the form */
function opener(name, id) {
  const form = byId(id);
  const button = el("button", { class: "quiet", "aria-expanded": "false", "aria-controls": id }, name);
  button.addEventListener("click", () => {
    for (const other of byId("presets").querySelectorAll("[aria-expanded]")) {
      const isOpen = other === button && form.hidden;
      other.setAttribute("aria-expanded", String(isOpen));
      byId(/** @type {string} */ (other.getAttribute("aria-controls"))).hidden = !isOpen;
    }
    if (!form.hidden) form.querySelector("input")?.focus();
  });
  return button;
}

/** @param {() => Promise<Answer>} run @param {(requestId: string | null) => Node} linkTo */
async function show(run, linkTo) {
  byId("answer").replaceChildren();
  try {
    const { status: code, body, requestId, call: sent, note } = await run();
    const detail = note ?? (code >= 400 ? body?.detail : null);
    byId("answer").replaceChildren(el("p", { class: "actions" },
      el("code", {}, sent), status(code), detail && el("span", { class: "soft" }, detail), linkTo(requestId)));
  } catch {
    byId("answer").replaceChildren(el("p", { class: "invalid" },
      "The service is unreachable. Check that the stack is running."));
  }
}

/** @param {(requestId: string | null) => Node} linkTo */
function sendOwn(linkTo) {
  const [method, path, body] = ["method", "request-path", "request-body"].map((id) =>
    /** @type {HTMLInputElement} */ (byId(id)).value.trim());
  const target = URL.canParse(path || "/", location.href) ? new URL(path || "/", location.href) : null;
  const json = method === "GET" || !body ? undefined : parsed(body);
  showError("request-path", target ? "" : "This is not a path. Begin with one slash.");
  showError("request-body", json === null ? "This is not JSON. Text needs double quotes." : "");
  // Only the path and the query of the input are used, so that the request goes to this stack.
  if (target && json !== null) show(() => call(method, target.pathname + target.search, json?.value), linkTo);
}

/** @param {string} text @returns {{value: unknown} | null} null if it is not JSON */
function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Show an error at a field, and focus the field. @param {string} id @param {string} text empty if there is no error */
function showError(id, text) {
  byId(`${id}-error`).textContent = text;
  if (text) byId(id).focus();
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [token]
 * @returns {Promise<Answer>}
 */
async function call(method, path, body, token) {
  return { ...await send(method, path, body, token), call: `${method} ${path}` };
}

function newAccount() {
  const email = `ahmed-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}@example.com`;
  return { name: "Ahmed", email, password: PASSWORD };
}

/** Sign up, log in, and order a product. @returns {Promise<Answer>} the first answer that is not a success, or else the answer to the order */
async function placeOrder() {
  const account = newAccount();
  const user = await call("POST", "/api/users", account);
  if (user.status !== 201) return user;
  const login = await call("POST", "/api/auth/login", { email: account.email, password: PASSWORD });
  if (login.status !== 200) return login;
  const products = await call("GET", CATALOGUE);
  const product = products.body?.items?.find((/** @type {{stock: number}} */ it) => it.stock > 0);
  if (!product) return { ...products, note: "No order was placed, because no product is in stock. To add products, run make seed in a terminal." };
  const order = { items: [{ product_id: product.id, quantity: 1 }] };
  return call("POST", `/api/users/${user.body.id}/orders`, order, login.body.access_token);
}
