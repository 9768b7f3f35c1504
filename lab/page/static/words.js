// @ts-check

/** What each stage is, in one sentence. The vocabulary is the service's own. @type {Record<string, string>} */
export const MEANING = {
  request: "All that the client has seen of the request.",
  dns: "The server's name became an address.",
  connect: "The TCP connection was made: one round trip.",
  tls: "Both sides agreed on keys, and the server proved who it is.",
  send: "The request's bytes left the client.",
  wait: "The client waited for the first byte of the answer.",
  receive: "The answer's bytes arrived at the client.",
  "load-balancer": "Caddy took the request, and passed it to one of the app processes.",
  app: "One app process had the request, from its first byte to the answer's last.",
  token: "The access token was read, and its signature verified.",
  "rate-limit": "The request was counted, to see whether this client sends too many.",
  session: "Who it is was looked up, in memory or in the database.",
  validate: "The body was read, parsed, and held against the schema.",
  hash: "The password was hashed or verified in a thread of its own; slow on purpose.",
  cache: "The cache was asked whether it has the answer ready.",
  redis: "One command went to Redis and back.",
  pool: "The request waited for a database connection to be free.",
  sql: "One statement went to PostgreSQL, and its result came back.",
  commit: "The transaction was made permanent.",
  rollback: "The transaction was undone.",
  serialize: "The answer became bytes.",
  endpoint: "The router's function ran.",
  service: "The use case ran: the order of steps, and the transaction.",
};
