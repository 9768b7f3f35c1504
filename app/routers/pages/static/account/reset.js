// @ts-check
import { byId, LinkPage } from "./link.js";

const form = /** @type {HTMLFormElement} */ (byId("form"));
const password = /** @type {HTMLInputElement} */ (byId("password"));
const shown = /** @type {HTMLInputElement} */ (byId("shown"));

new LinkPage({
  path: "../api/auth/password-reset",
  sending: "Changing your password…",
  done: { heading: "Your password is changed.", text: "All your sessions have ended: sign in again." },
  ifInvalid: "If you have already changed your password, sign in with it. Otherwise, ask for a new link.",
  values: () => ({ new_password: password.value }),
  showErrors: (errors) => {
    const details = errors.filter(({ pointer }) => pointer === "/new_password").map(({ detail }) => detail);
    setError(details.join(" "));
    if (details.length > 0) password.focus();
    return details.length > 0;
  },
  clear: () => {
    form.reset();
    setError("");
    setType();
  },
}).open();

shown.addEventListener("change", setType);

function setType() {
  password.type = shown.checked ? "text" : "password";
}

/** @param {string} detail an empty text removes the error */
function setError(detail) {
  byId("password-error").textContent = detail;
  if (detail) password.setAttribute("aria-invalid", "true");
  else password.removeAttribute("aria-invalid");
  password.setAttribute("aria-describedby", detail ? "password-error password-hint" : "password-hint");
}
