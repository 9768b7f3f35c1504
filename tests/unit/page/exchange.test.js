import { equal, match } from "node:assert/strict";
import { exportRequest, newContext } from "../../../lab/page/static/client_spans.js";
import { asCurl, asHttpie, quoted } from "../../../lab/page/static/copying.js";
import { problemOf } from "../../../lab/page/static/problem.js";
import { retry } from "../../../lab/page/static/retry.js";

const ORIGIN = "http://localhost:8080";

/** A trace with the headers in the load balancer's span. */
function trace(method, path, status, request = {}, response = {}, spans = []) {
  const named = (kind, headers) => Object.entries(headers).map(([name, value]) => [`http.${kind}.header.${name}`, value]);
  const attributes = Object.fromEntries([...named("request", request), ...named("response", response)]);
  return { method, path, route: path, status, spans: [...spans, { stage: "load-balancer", start_ms: 0, duration_ms: 9, problem: null, attributes }] };
}

Deno.test("a command has the client's headers, and a variable for a secret", () => {
  const sent = { "accept": "*/*", "authorization": "[redacted]", "content-length": "17", "content-type": "application/json", "if-match": '"a1"', "user-agent": "curl" };
  const patch = trace("PATCH", "/api/users/1", 200, sent);
  equal(asCurl(patch, ORIGIN), `curl -i -X PATCH ${ORIGIN}/api/users/1 -H 'Content-Type: application/json' -H 'If-Match: "a1"' -H "Authorization: Bearer $TOKEN" --data @body.json`);
  equal(asHttpie(patch, ORIGIN), `http PATCH ${ORIGIN}/api/users/1 Content-Type:application/json 'If-Match:"a1"' "Authorization:Bearer $TOKEN" < body.json`);
});

Deno.test("a command has the query that the client has reported", () => {
  const client = { stage: "request", attributes: { "url.full": `${ORIGIN}/api/products?limit=3` } };
  equal(asCurl(trace("GET", "/api/products", 200, {}, {}, [client]), ORIGIN), `curl -i '${ORIGIN}/api/products?limit=3'`);
});

Deno.test("a text from a client cannot become a command of the shell", () => {
  equal(quoted("a'; rm -r / #"), `'a'\\''; rm -r / #'`);
  equal(quoted("$(id)\n`id`\u001b[2J"), "'$(id)`id`[2J'");
});

Deno.test("a retry needs what the response or the method asks for", () => {
  match(retry(trace("POST", "/api/users", 429, {}, { "retry-after": "7" })), /^Wait 7 s \(Retry-After\)/);
  match(retry(trace("PATCH", "/api/users/1", 412, { "if-match": '"a1"' })), /new ETag in If-Match/);
  match(retry(trace("PATCH", "/api/users/1", 200, { "if-match": '"a1"' })), /the retry gets 412/);
  match(retry(trace("POST", "/api/users/{user_id}/orders", 201, { "idempotency-key": "k" })), /runs the request once/);
  match(retry(trace("POST", "/api/users/{user_id}/orders", 201)), /second order/);
  match(retry(trace("GET", "/api/products", 503, {}, { "retry-after": "1" })), /A retry is safe/);
});

Deno.test("the problem of a response is that of the stage that ended last", () => {
  const failed = (problem, start, length) => ({ stage: "service", problem, start_ms: start, duration_ms: length, attributes: {} });
  const stages = [failed("invalid-token", 1, 1), failed("email-taken", 2, 5), failed("idempotency-mismatch", 3, 1)];
  equal(problemOf(trace("POST", "/api/users", 409, {}, {}, stages)), "email-taken");
  equal(problemOf(trace("POST", "/api/users", 201, {}, {}, stages)), null);
});

Deno.test("the browser's spans omit the values of unknown parameters", () => {
  const parts = [{ stage: "wait", start_ms: 1_700_000_000_000.5, duration_ms: 2 }];
  const url = `${ORIGIN}/api/users?limit=3&email=ahmed@example.com`;
  const [root, wait] = exportRequest(newContext(), { method: "GET", url, status: 200, parts }).resourceSpans[0].scopeSpans[0].spans;
  equal(root.attributes.find(({ key }) => key === "url.full").value.stringValue, `${ORIGIN}/api/users?limit=3&email=…`);
  equal(wait.parentSpanId, root.spanId);
  equal(wait.startTimeUnixNano, "1700000000000500000");
});
