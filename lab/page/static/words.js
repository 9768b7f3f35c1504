// @ts-check

/** What each stage does, in a sentence or two. The service defines the stages. @type {Record<string, string>} */
export const MEANING = {
  request: "The whole request, as measured by the client.",
  dns: "The client looked up the address of the server's name.",
  connect: "The client opened the TCP connection, which takes one round trip.",
  tls: "Client and server agreed on keys, and the server proved its identity.",
  send: "The client sent the bytes of the request.",
  wait: "The client waited for the first byte of the response.",
  receive: "The client received the bytes of the response.",
  "load-balancer": "Caddy received the request and passed it to one of the app processes.",
  app: "One app process handled the request, from its first byte to the last byte of the response.",
  token: "The service read the access token and verified its signature.",
  "rate-limit": "The service counted the request, to limit the number of requests per client.",
  session: "The service looked up the caller, in memory or in the database.",
  validate: "The service read and parsed the body, and checked it against the schema.",
  hash: "The service hashed or verified the password in a separate thread. This is slow on purpose.",
  cache: "The service looked for the response in the cache.",
  redis: "The service sent one command to Redis and received the result.",
  pool: "The request waited for a free database connection.",
  sql: "The service sent one statement to PostgreSQL and received the result.",
  commit: "PostgreSQL committed the transaction.",
  rollback: "PostgreSQL rolled the transaction back.",
  serialize: "The service serialized the response to bytes.",
  endpoint: "The router's function ran.",
  service: "The service's method ran, with its transaction.",
};
