// @ts-check

const RETRY_DELAY_MS = 1000;

/**
 * Follow the requests as they happen. Reconnect when the connection is lost.
 *
 * @param {object} handlers
 * @param {() => void} handlers.onlive the connection is open; events before it may be missing
 * @param {() => void} handlers.onaway the connection is lost; a retry follows
 * @param {(summary: import("./api.js").Summary) => void} handlers.ontrace
 */
export function follow({ onlive, onaway, ontrace }) {
  const events = new EventSource("/lab/api/events");
  events.addEventListener("open", onlive);
  events.addEventListener("trace", (event) => ontrace(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onaway();
    // The browser reconnects after a lost connection, but not after a response that is not a
    // stream, such as the load balancer's 503.
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => follow({ onlive, onaway, ontrace }), RETRY_DELAY_MS);
    }
  });
}
