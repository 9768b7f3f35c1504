// @ts-check
import { byId, el } from "./dom.js";
import { send } from "./sending.js";

const FIELDS = ["name", "email", "password"];

/**
 * The form. What may be in it the service knows, and says so; nothing is checked twice.
 *
 * @param {(requestId: string | null) => Node} linkTo leads to what the request has gone through
 */
export function signup(linkTo) {
  const form = /** @type {HTMLFormElement} */ (byId("signup"));
  for (const name of FIELDS) mark(name, "");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    // Not `disabled`: that would take the focus away.
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await submit(form, linkTo);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

/** @param {HTMLFormElement} form @param {(requestId: string | null) => Node} linkTo */
async function submit(form, linkTo) {
  for (const name of FIELDS) mark(name, "");
  byId("answer").replaceChildren();
  try {
    const { status, body, requestId } = await send("POST", "/api/users", Object.fromEntries(new FormData(form)));
    if (status === 201) welcome(form, body, linkTo(requestId));
    else complain(form, body, linkTo(requestId));
  } catch {
    show("wrong", "The service cannot be reached. Is the stack running? Nothing you typed is lost.");
  }
}

/** @param {HTMLFormElement} form @param {{name: string}} user @param {Node} link */
function welcome(form, user, link) {
  form.reset();
  show("welcome", `Welcome, ${user.name}!`, link);
}

/** @param {HTMLFormElement} form @param {any} problem RFC 9457 @param {Node} link */
function complain(form, problem, link) {
  /** @type {{pointer?: string, detail: string}[]} */
  const errors = problem?.errors ?? [];
  const beside = errors.filter(({ pointer }) => FIELDS.includes(pointer?.slice(1) ?? ""));
  for (const { pointer, detail } of beside) mark(/** @type {string} */ (pointer).slice(1), detail);
  const others = errors.filter((error) => !beside.includes(error)).map(({ detail }) => detail);
  // The problem's own sentence leads to its list of errors, which a form has beside the fields.
  const first = beside.length > 0 ? "Nobody was signed up: what is wrong stands beside each field." : problem?.detail;
  show("wrong", [first ?? "The service gave no reason.", ...others].join(" "), link);
  /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
}

/**
 * Say beside a field what is wrong with it; nothing, when nothing is.
 *
 * @param {string} name
 * @param {string} detail
 */
function mark(name, detail) {
  const input = byId(name);
  const wrong = byId(`${name}-wrong`);
  wrong.textContent = [wrong.textContent, detail].filter((it) => detail && it).join(" ");
  if (detail) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  const described = [document.getElementById(`${name}-hint`), detail ? wrong : null];
  input.setAttribute("aria-describedby", described.flatMap((it) => it?.id ?? []).join(" "));
}

/** @param {string} kind @param {string} text @param {...Node} more */
function show(kind, text, ...more) {
  byId("answer").replaceChildren(el("p", { class: kind }, text), ...more);
}
