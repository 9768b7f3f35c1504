// @ts-check

const PATIENCE_MS = 1000;

/**
 * Follow the requests as they happen, again and again when the connection is lost.
 *
 * @param {object} told
 * @param {() => void} told.onlive the connection stands; something may have been missed before
 * @param {() => void} told.onaway it does not, and is tried again
 * @param {(summary: import("./api.js").Summary) => void} told.ontrace
 */
export function follow({ onlive, onaway, ontrace }) {
  const events = new EventSource("/lab/api/events");
  events.addEventListener("open", onlive);
  events.addEventListener("trace", (event) => ontrace(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onaway();
    // The browser tries again after a lost connection, but never after an answer that is no
    // stream, such as the load balancer's 503.
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => follow({ onlive, onaway, ontrace }), PATIENCE_MS);
    }
  });
}
