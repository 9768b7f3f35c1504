// A Fastify service that does the same work as the Python service for three requests: read a user
// through the cache, read a user from PostgreSQL, and place an order. `make bench` compares the two
// services. The services share the data, the keys in Valkey and the signing key.
// tests/e2e/commands/test_bench_peer.py compares their responses.
//
// Run it with the environment of the Python service: `node server.js PORT`.

import { hash, randomUUID } from "node:crypto";

import Fastify, { LogController } from "fastify";
import { LRUCache } from "lru-cache";

import { ORDER_CREATE, place } from "./orders.js";
import { pool, statement } from "./postgres.js";
import { Problem, sendProblem } from "./problems.js";
import { claimsOf, principalOf } from "./sessions.js";
import { RATE_LIMIT_POLICY, generationOf, getOrLoad, hit, valkey } from "./valkey.js";

const LOOPBACK = "127.0.0.1";
const MAX_BODY_BYTES = 64 * 1024;
const MAX_RESPONSES_BYTES = 32 * 1024 * 1024;
const RESPONSE_OVERHEAD_BYTES = 1024;
const RESPONSE_LIFETIME_MS = Number(process.env.CACHE_LIFETIME) * 1000;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const ROW_ID = /^[1-9][0-9]{0,15}$/;
// A string in quotes (RFC 9651, section 3.3.3), or characters without quotes.
const IDEMPOTENCY_KEY = /^(?:"((?:[ !#-[\]-~]|\\["\\]){1,255})"|([!#-~]{1,255}))$/;
const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};
const USER = "/api/users/{user_id}";
const ORDERS = `${USER}/orders`;

const findUser = statement("user", `
SELECT users.id, users.name, users.email, users.password_hash, users.email_confirmed, users.role,
  users.disabled_at, users.created_at, users.updated_at
FROM users WHERE users.id = $1::BIGINT AND users.erased_at IS NULL`);

/** Writes one line for each request, with the fields of app/middleware/observability/access_log.py. */
class AccessLog extends LogController {
  incomingRequest() {}

  requestCompleted(error, request, reply) {
    const { template = null, isProbe = false } = request.routeOptions.config;
    request.log[isProbe ? "debug" : "info"]({
      // W3C Trace Context, section 3.2: the second part of the header.
      trace_id: request.headers.traceparent?.split("-")[1],
      method: request.method,
      route: template,
      status: error ? 499 : reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 10) / 10,
      user_id: request.principal?.userId ?? null,
      client: request.ip,
    }, "request");
  }
}

const app = Fastify({
  bodyLimit: MAX_BODY_BYTES,
  trustProxy: LOOPBACK,
  genReqId: (raw) => {
    const sent = raw.headers["x-request-id"];
    return REQUEST_ID.test(sent ?? "") ? sent : randomUUID();
  },
  logger: {
    base: null,
    messageKey: "event",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  },
  logController: new AccessLog({ requestIdLogLabel: "request_id" }),
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
});

const storedResponses = new LRUCache({
  maxSize: MAX_RESPONSES_BYTES,
  ttl: RESPONSE_LIFETIME_MS,
  sizeCalculation: (stored) => stored.body.length + RESPONSE_OVERHEAD_BYTES,
});

app.decorateRequest("principal", null);
app.decorateRequest("refusal", "unauthenticated");
app.addHook("onRequest", admit);
app.setErrorHandler(sendProblem);
app.setNotFoundHandler(async () => {
  throw new Problem("not-found");
});
app.removeContentTypeParser("text/plain");
app.get("/readyz", { config: { isProbe: true, template: "/readyz" } }, () => ({ status: "ready" }));
app.get("/api/users/:userId", { config: { template: USER }, onRequest: requireVisible }, readUser);
app.post(
  "/api/users/:userId/orders",
  { config: { template: ORDERS }, onRequest: requireVisible, schema: { body: ORDER_CREATE } },
  createOrder,
);

/** Identify the caller and count the request. If a stored response is not stale, send it. */
async function admit(request, reply) {
  reply.headers(SECURITY_HEADERS).header("x-request-id", request.id);
  if (request.routeOptions.config?.isProbe) {
    return;
  }
  const principal = await identify(request);
  const stored = request.method === "GET" ? storedResponses.get(responseKey(request)) : undefined;
  // Valkey gets both commands in one round trip.
  const [generation, window] = await Promise.all([
    stored && generationOf(stored.tag),
    hit(principal === null ? `address:${request.ip}` : `user:${principal.userId}`),
  ]);
  reply.header("ratelimit-policy", RATE_LIMIT_POLICY);
  reply.header("ratelimit", `"default";r=${window.remaining};t=${window.resetSeconds}`);
  if (window.isExceeded) {
    throw new Problem("too-many-requests", { retryAfterSeconds: window.resetSeconds });
  }
  if (stored && stored.generation === generation && stored.role === principal.role) {
    return send(request, reply, 200, stored);
  }
}

async function identify(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ", 2);
  if (scheme.toLowerCase() === "bearer") {
    request.refusal = "invalid-token";
    const claims = claimsOf(token ?? "");
    request.principal = claims && (await principalOf(claims));
  }
  return request.principal;
}

function responseKey(request) {
  return `${request.principal?.userId} ${request.url}`;
}

// This hook runs before the body is read. If a caller has no permission to read a user, the caller
// gets "not found", and so does not learn whether the user exists.
async function requireVisible(request) {
  const { principal, params } = request;
  if (principal === null) {
    throw new Problem(request.refusal);
  }
  const isOwn = params.userId === String(principal.userId);
  if (!isOwn && !(principal.role === "admin" && ROW_ID.test(params.userId))) {
    throw new Problem("not-found");
  }
}

async function readUser(request, reply) {
  const userId = Number(request.params.userId);
  const tag = `user:${userId}`;
  const { body, outcome, generation } = await getOrLoad(tag, '["user",{}]', () => loadUser(userId));
  const headers = { ...representation(body), "x-cache": outcome };
  if (generation !== null) {
    const { role } = request.principal;
    const kept = { tag, generation, role, body, headers: { ...headers, "x-cache": "hit" } };
    storedResponses.set(responseKey(request), kept);
  }
  return send(request, reply, 200, { headers, body });
}

async function loadUser(userId) {
  const [user] = await findUser([userId]);
  if (user === undefined) {
    throw new Problem("not-found");
  }
  const { id, name, email, email_confirmed, role, created_at, updated_at } = user;
  return JSON.stringify({ id, name, email, email_confirmed, role, created_at, updated_at });
}

async function createOrder(request, reply) {
  const key = idempotencyKey(request.headers["idempotency-key"]);
  const userId = Number(request.params.userId);
  const placed = await place(request.principal.userId, userId, request.body.items, key);
  const headers = { ...representation(placed.body), location: placed.location };
  if (placed.isReplayed) {
    headers["idempotency-replayed"] = "true";
  }
  return send(request, reply, 201, { headers, body: placed.body });
}

function idempotencyKey(header) {
  if (header === undefined) {
    return null;
  }
  const match = IDEMPOTENCY_KEY.exec(header);
  if (match === null) {
    throw new Problem("malformed-header");
  }
  return match[1]?.replace(/\\(.)/g, "$1") ?? match[2];
}

function representation(body) {
  const digest = hash("sha256", body, "buffer").subarray(0, 18).toString("base64url");
  return {
    "etag": `"${digest}"`,
    "cache-control": "private, no-cache",
    "content-type": "application/json",
  };
}

function send(request, reply, status, { headers, body }) {
  reply.headers(headers);
  if (status === 200 && request.headers["if-none-match"] === headers.etag) {
    return reply.removeHeader("content-type").code(304).send();
  }
  // Without this serializer, Fastify adds a charset to the media type, but JSON has no charset.
  return reply.code(status).serializer(asItIs).send(body);
}

function asItIs(body) {
  return body;
}

// Both clients replace a lost connection. Without a listener, the connection's error would end the
// process.
for (const client of [pool, valkey]) {
  client.on("error", ({ code }) => app.log.warn({ reason: code }, "connection_lost"));
}
await valkey.connect();
await app.listen({ host: LOOPBACK, port: Number(process.argv[2]) });
