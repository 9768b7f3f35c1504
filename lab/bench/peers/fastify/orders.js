// Places an order in one transaction, with the steps and statements of the Python service.

import { createHash } from "node:crypto";

import { statement, transaction } from "./postgres.js";
import { Problem } from "./problems.js";
import { invalidate } from "./valkey.js";

const ROUTE = "POST /api/users/{user_id}/orders";
const KEPT_MS = 24 * 60 * 60 * 1000;

/** The schema of an order's body, with the limits of app/schemas/orders.py. */
export const ORDER_CREATE = {
  type: "object",
  required: ["items"],
  additionalProperties: false,
  properties: {
    items: {
      type: "array",
      minItems: 1,
      maxItems: 50,
      items: {
        type: "object",
        required: ["product_id", "quantity"],
        additionalProperties: false,
        properties: {
          product_id: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
          quantity: { type: "integer", minimum: 1, maximum: 1000 },
        },
      },
    },
  },
};

const claim = statement("claim", `
SELECT claim.succeeded, idempotency_keys.user_id, idempotency_keys.route, idempotency_keys.key,
  idempotency_keys.request_hash, idempotency_keys.location, idempotency_keys.body,
  idempotency_keys.expires_at
FROM (SELECT pg_try_advisory_xact_lock(hashtextextended($1::VARCHAR, $2::INTEGER)) AS succeeded)
  AS claim
LEFT OUTER JOIN idempotency_keys ON idempotency_keys.user_id = $3::BIGINT
  AND idempotency_keys.route = $4::VARCHAR AND idempotency_keys.key = $5::VARCHAR
  AND idempotency_keys.expires_at > $6::TIMESTAMP WITH TIME ZONE`);
const keepFromErasure = statement("keep_from_erasure", `
SELECT users.id FROM users
WHERE users.id = $1::BIGINT AND users.erased_at IS NULL FOR KEY SHARE`);
const take = statement("take", `
WITH locked AS
(SELECT products.id AS id, wanted.quantity AS quantity
FROM products JOIN unnest($1::BIGINT[], $2::INTEGER[]) AS wanted(product_id, quantity)
  ON products.id = wanted.product_id
WHERE products.stock >= wanted.quantity ORDER BY products.id FOR NO KEY UPDATE OF products)
UPDATE products SET stock=(products.stock - locked.quantity), updated_at=clock_timestamp()
FROM locked WHERE products.id = locked.id
RETURNING products.id, products.name, products.price`);
const findProduct = statement("product", `
SELECT products.id, products.sku, products.name, products.price, products.stock,
  products.created_at, products.updated_at
FROM products WHERE products.id = $1::BIGINT`);
const add = statement("add_order", `
WITH placed AS
(INSERT INTO orders (user_id, status, total) VALUES ($1::BIGINT, $2, $3)
RETURNING orders.id, orders.user_id, orders.status, orders.total, orders.created_at,
  orders.updated_at),
lines AS
(INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price)
SELECT placed.id AS id, line.position - $4::INTEGER AS anon_1, line.product_id AS product_id,
  line.name AS name, line.quantity AS quantity, line.unit_price AS unit_price
FROM placed, unnest($5::BIGINT[], $6::VARCHAR[], $7::INTEGER[], $8::NUMERIC[])
  WITH ORDINALITY AS line(product_id, name, quantity, unit_price, position))
SELECT placed.id, placed.user_id, placed.status, placed.total, placed.created_at,
  placed.updated_at
FROM placed`);
const keepResponse = statement("keep_response", `
INSERT INTO idempotency_keys
  (user_id, route, key, request_hash, location, body, expires_at)
VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4, $5::VARCHAR, $6, $7::TIMESTAMP WITH TIME ZONE)
ON CONFLICT ON CONSTRAINT pk_idempotency_keys DO UPDATE SET request_hash = $4,
  location = $5::VARCHAR, body = $6, expires_at = $7::TIMESTAMP WITH TIME ZONE
WHERE idempotency_keys.expires_at <= $8::TIMESTAMP WITH TIME ZONE
RETURNING idempotency_keys.key`);

/** Order all items or no item, once for each idempotency key, and invalidate the cached reads. */
export async function place(callerId, userId, items, key) {
  if (new Set(items.map((item) => item.product_id)).size < items.length) {
    const detail = "List each product once, with its total quantity.";
    throw new Problem("invalid-content", { errors: [{ detail, pointer: "/items" }] });
  }
  const order = items.map(({ product_id, quantity }) => ({ product_id, quantity }));
  const requestHash = createHash("sha256")
    .update(`${userId} ${JSON.stringify({ items: order })}`)
    .digest();
  const placed = await transaction(async (connection) => {
    const earlier = key && (await earlierResponse(connection, callerId, key, requestHash));
    if (earlier) {
      return earlier;
    }
    for (const id of [...new Set([userId, callerId])].sort((one, other) => one - other)) {
      if ((await keepFromErasure([id], connection)).length === 0) {
        throw new Problem(id === callerId ? "invalid-token" : "not-found");
      }
    }
    const response = await buy(connection, userId, order);
    if (key) {
      await keep(connection, callerId, key, requestHash, response);
    }
    return response;
  });
  const products = order.map((item) => `product:${item.product_id}`);
  await invalidate([...products, "products", `orders:${userId}`]);
  return placed;
}

async function earlierResponse(connection, callerId, key, requestHash) {
  const lock = `${callerId} ${ROUTE} ${key}`;
  const now = new Date().toISOString();
  const [row] = await claim([lock, 0, callerId, ROUTE, key, now], connection);
  if (row.user_id === null) {
    if (!row.succeeded) {
      throw new Problem("idempotency-in-flight");
    }
    return null;
  }
  if (!row.request_hash.equals(requestHash)) {
    throw new Problem("idempotency-mismatch");
  }
  return { body: row.body.toString(), location: row.location, isReplayed: true };
}

async function buy(connection, userId, items) {
  const ids = items.map((item) => item.product_id);
  const quantities = items.map((item) => item.quantity);
  const rows = await take([ids, quantities], connection);
  const taken = new Map(rows.map((row) => [row.id, row]));
  const missing = items.findIndex((item) => !taken.has(item.product_id));
  if (missing >= 0) {
    throw await whyNot(connection, items[missing].product_id, `/items/${missing}/product_id`);
  }
  const names = items.map((item) => taken.get(item.product_id).name);
  const prices = items.map((item) => taken.get(item.product_id).price);
  const total = decimal(
    items.reduce((sum, item, at) => sum + cents(prices[at]) * BigInt(item.quantity), 0n),
  );
  const values = [userId, "pending", total, 1, ids, names, quantities, prices];
  const [order] = await add(values, connection);
  const body = JSON.stringify({
    id: order.id,
    user_id: order.user_id,
    status: order.status,
    items: items.map(({ product_id, quantity }, at) => (
      { product_id, name: names[at], quantity, unit_price: money(prices[at]) }
    )),
    total: money(order.total),
    created_at: order.created_at,
    updated_at: order.updated_at,
  });
  return { body, location: `/api/users/${userId}/orders/${order.id}`, isReplayed: false };
}

async function whyNot(connection, productId, pointer) {
  if ((await findProduct([productId], connection)).length === 0) {
    const errors = [{ detail: "There is no such product.", pointer }];
    return new Problem("invalid-content", { errors });
  }
  return new Problem("out-of-stock");
}

async function keep(connection, callerId, key, requestHash, { location, body }) {
  const now = Date.now();
  const expiresAt = new Date(now + KEPT_MS).toISOString();
  const response = [requestHash, location, Buffer.from(body), expiresAt];
  const values = [callerId, ROUTE, key, ...response, new Date(now).toISOString()];
  if ((await keepResponse(values, connection)).length === 0) {
    throw new Problem("idempotency-in-flight");
  }
}

function money(amount) {
  return { amount, currency: "EUR" };
}

function cents(amount) {
  return BigInt(amount.replace(".", ""));
}

function decimal(cents) {
  const digits = `${cents}`.padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
