// @ts-check

const RETRY_DELAY_MS = 1000;

/**
 * Call a handler for each new trace and message. Reconnect when the connection to the collector is lost.
 *
 * @param {object} handlers
 * @param {() => void} handlers.onlive called when the connection is open; earlier events may be missing
 * @param {() => void} handlers.onaway called when the connection is lost, before each retry
 * @param {(entry: import("./api.js").Entry) => void} [handlers.ontrace]
 * @param {(message: import("./api.js").Message) => void} [handlers.onmail]
 */
export function follow(handlers) {
  const { onlive, onaway, ontrace, onmail } = handlers;
  const events = new EventSource("/lab/api/events");
  events.addEventListener("open", onlive);
  events.addEventListener("trace", (event) => ontrace?.(JSON.parse(event.data)));
  events.addEventListener("mail", (event) => onmail?.(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onaway();
    // After a lost connection, the browser itself reconnects. It does not reconnect after a response that
    // is not a stream, such as the load balancer's 503. Then this function reconnects.
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => follow(handlers), RETRY_DELAY_MS);
    }
  });
}
