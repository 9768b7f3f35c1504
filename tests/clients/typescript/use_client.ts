// Uses the generated TypeScript client as a customer: `node use_client.js URL PRODUCT_ID`.
import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];

declare const process: { argv: string[] };

const PASSWORD = "purple monkey dishwasher";
const [, , url, productId] = process.argv;
const client = createClient<paths>({ baseUrl: url });

function check(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new Error(`expected ${expectation}`);
}

const email = `${crypto.randomUUID()}@example.com`;
const signup = { name: "Ahmed", email, password: PASSWORD };
const { data: user } = await client.POST("/api/users", { body: signup });
check(user !== undefined, "a user");

const taken = await client.POST("/api/users", { body: signup });
const conflict: Problem | undefined = taken.error;
check(taken.response.status === 409 && conflict?.code === "email-taken", "409 email-taken");

const unnamed = await client.POST("/api/users", { body: { ...signup, name: "" } });
const invalid: Problem | undefined = unnamed.error;
check(unnamed.response.status === 422 && invalid?.errors?.[0]?.pointer === "/name", "422 at /name");

const { data: tokens } = await client.POST("/api/auth/login", { body: { email, password: PASSWORD } });
check(tokens !== undefined, "tokens");
const headers = { Authorization: `Bearer ${tokens.access_token}` };

const key = crypto.randomUUID();
const order = () =>
  client.POST("/api/users/{user_id}/orders", {
    params: { path: { user_id: user.id }, header: { "Idempotency-Key": key } },
    body: { items: [{ product_id: Number(productId), quantity: 1 }] },
    headers,
  });
const placed = await order();
const replayed = await order();
check(placed.data?.status === "pending", "a pending order");
check(replayed.data?.id === placed.data.id, "the same order");
check(replayed.response.headers.get("Idempotency-Replayed") === "true", "a replay");

const etag = placed.response.headers.get("ETag");
check(etag !== null, "an ETag");
const unchanged = await client.GET("/api/users/{user_id}/orders/{order_id}", {
  params: {
    path: { user_id: user.id, order_id: placed.data.id },
    header: { "If-None-Match": etag },
  },
  headers,
});
check(unchanged.response.status === 304, "304");
