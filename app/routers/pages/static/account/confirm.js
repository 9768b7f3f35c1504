// @ts-check
import { LinkPage } from "./link.js";

new LinkPage({
  path: "../api/auth/email-confirmation",
  sending: "Confirming…",
  done: { heading: "Your email address is confirmed.", text: "You can close this page." },
  ifInvalid: "If you have already confirmed the address, you need to do nothing more. Otherwise, sign in and ask for a new link.",
}).open();
