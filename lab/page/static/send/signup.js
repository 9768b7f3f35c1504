// @ts-check
import { byId, el } from "../ui/dom.js";
import { send } from "./sending.js";

const FIELDS = ["name", "email", "password"];

/**
 * Set up the signup form. Only the service validates the fields. The form shows the service's errors.
 *
 * @param {(requestId: string | null) => Node} linkTo makes a link to the stages of a request
 */
export function signup(linkTo) {
  const form = /** @type {HTMLFormElement} */ (byId("signup"));
  for (const name of FIELDS) setFieldError(name, "");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
    // The button is `aria-disabled` and not `disabled`, because a disabled button loses the focus.
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
  for (const name of FIELDS) setFieldError(name, "");
  byId("answer").replaceChildren();
  try {
    const { status, body, requestId } = await send("POST", "/api/users", Object.fromEntries(new FormData(form)));
    if (status === 201) showWelcome(form, body, linkTo(requestId));
    else showProblem(form, body, linkTo(requestId));
  } catch {
    show("invalid", "The service is unreachable. Check that the stack is running. Your input is still in the form.");
  }
}

/** @param {HTMLFormElement} form @param {{name: string}} user @param {Node} link */
function showWelcome(form, user, link) {
  form.reset();
  show("welcome", `Welcome, ${user.name}!`, link);
}

/** @param {HTMLFormElement} form @param {any} problem RFC 9457 @param {Node} link */
function showProblem(form, problem, link) {
  /** @type {{pointer?: string, detail: string}[]} */
  const errors = problem?.errors ?? [];
  const fieldErrors = errors.filter(({ pointer }) => FIELDS.includes(pointer?.slice(1) ?? ""));
  for (const { pointer, detail } of fieldErrors) setFieldError(/** @type {string} */ (pointer).slice(1), detail);
  const others = errors.filter((error) => !fieldErrors.includes(error)).map(({ detail }) => detail);
  // The problem's own `detail` refers to a list of errors, but the form shows the errors at the fields.
  const first = fieldErrors.length > 0 ? "Account not created. Fix the marked fields." : problem?.detail;
  show("invalid", [first ?? "The service gave no reason.", ...others].join(" "), link);
  /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid]"))?.focus();
}

/**
 * Show an error at a field, after the field's other errors. An empty `detail` removes all errors.
 *
 * @param {string} name
 * @param {string} detail
 */
function setFieldError(name, detail) {
  const input = byId(name);
  const message = byId(`${name}-error`);
  message.textContent = [message.textContent, detail].filter((it) => detail && it).join(" ");
  if (detail) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  const described = [document.getElementById(`${name}-hint`), detail ? message : null];
  input.setAttribute("aria-describedby", described.flatMap((it) => it?.id ?? []).join(" "));
}

/** @param {string} kind @param {string} text @param {...Node} more */
function show(kind, text, ...more) {
  byId("answer").replaceChildren(el("p", { class: kind }, text), ...more);
}
