import { deepEqual, equal, match } from "node:assert/strict";
import { exportRequest, newContext } from "../../../lab/page/static/send/client_spans.js";
import { asCurl, asHttpie, isRepeatable, missing, quoted } from "../../../lab/page/static/exchange/copying.js";
import { failedStage } from "../../../lab/page/static/trace/problem.js";
import { retry } from "../../../lab/page/static/exchange/retry.js";

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
  equal(asCurl(patch, ORIGIN), `curl -i -X PATCH ${ORIGIN}/api/users/1 -H 'Content-Type: application/json' -H 'If-Match: "a1"' -H "Authorization: Bearer $TOKEN" --data-binary @body.json`);
  equal(asHttpie(patch, ORIGIN), `http PATCH ${ORIGIN}/api/users/1 'Content-Type: application/json' 'If-Match: "a1"' "Authorization: Bearer $TOKEN" < body.json`);
});

Deno.test("a command with a cookie shows that it comes from this site, as the browser's request did", () => {
  const sent = { "cookie": "[redacted]", "origin": ORIGIN, "sec-fetch-site": "same-origin" };
  equal(asCurl(trace("DELETE", "/api/users/1", 204, sent), ORIGIN),
    `curl -i -X DELETE ${ORIGIN}/api/users/1 -H 'Origin: ${ORIGIN}' -H 'Sec-Fetch-Site: same-origin' -H "Cookie: $COOKIE"`);
});

Deno.test("a command has the query that the client has reported, and a note says what is missing", () => {
  const client = { stage: "request", attributes: { "url.full": `${ORIGIN}/api/products?limit=3&q=…` } };
  const service = { stage: "app", attributes: { "url.query": "REDACTED" } };
  const known = trace("GET", "/api/products", 200, {}, {}, [client, service]);
  equal(asCurl(known, ORIGIN), `curl -i '${ORIGIN}/api/products?limit=3&q=…'`);
  match(missing(known, ORIGIN).join(" "), /^Replace each … in the query by its value\.$/);
  const unknown = trace("GET", "/api/users/{user_id}", 422, {}, {}, [service]);
  equal(asCurl(unknown, ORIGIN), `curl -i --globoff '${ORIGIN}/api/users/{user_id}'`);
  match(missing(unknown, ORIGIN).join(" "), /names in braces.*The query is not recorded/);
});

Deno.test("a text from a client cannot become a command of the shell", () => {
  equal(quoted("a'; rm -r / #"), `'a'\\''; rm -r / #'`);
  equal(quoted("$(id)\n`id`\u001b[2J"), "'$(id)`id`[2J'");
});

Deno.test("a command sends a token only to this stack, and no file but body.json", () => {
  const sent = { "authorization": "[redacted]", "accept": "@/etc/hostname", "a=@/etc/hostname": "x", "@/etc/hostname": "x" };
  const foreign = trace("GET", "@evil.example/x", 200, sent);
  equal(isRepeatable(foreign), false);
  for (const command of [asCurl(foreign, ORIGIN), asHttpie(foreign, ORIGIN)]) {
    const url = new URL(/http:\S+/.exec(command)[0]);
    equal(url.host, "localhost:8080");
  }
  equal(asHttpie(trace("GET", "//evil.example/x", 200, sent), ORIGIN),
    `http GET ${ORIGIN}//evil.example/x 'Accept: @/etc/hostname' "Authorization: Bearer $TOKEN"`);
});

Deno.test("without a method and a path, there is no command", () => {
  const all = [["GET", "/"], ["GET", "REDACTED"], ["GET", null], [null, "/"], ["--config", "/"], ["GET x", "/"]];
  deepEqual(all.map(([method, path]) => isRepeatable(trace(method, path, 200))), [true, false, false, false, false, false]);
});

Deno.test("the advice on a retry depends on the method and on the response", () => {
  const orders = "/api/users/{user_id}/orders";
  match(retry(trace("PATCH", "/api/users/1", 200, { "if-match": '"a1"' })), /the retry gets 412/);
  match(retry(trace("POST", orders, 201, { "idempotency-key": "k" })), /runs the request once/);
  match(retry(trace("POST", "/api/users", 201, { "idempotency-key": "k" })), /^A retry runs the request a second time/);
  match(retry(trace("POST", orders, 201)), /second order/);
  match(retry(trace("POST", orders, 429, {}, { "retry-after": "7" })), /^Retry-After is 7 s. The service refused .* a retry is safe.$/);
  match(retry(trace("GET", "/api/products", 503, {}, { "retry-after": "1" })), /^Retry-After is 1 s. A retry is safe/);
  match(retry(trace("GET", "/api/nothing", 404)), /^The same request fails again/);
});

Deno.test("after an error, the texts of the service say what to do", () => {
  const problem_detail = "Your role does not allow this. Sign in with an account that may do this.";
  const forbidden = { stage: "service", problem: "forbidden", problem_detail, start_ms: 1, duration_ms: 1, attributes: {} };
  equal(retry(trace("POST", "/api/products", 403, {}, {}, [forbidden])), problem_detail);
});

Deno.test("the problem of a response is that of the stage that ended last", () => {
  const failed = (problem, start, length) => ({ stage: "service", problem, start_ms: start, duration_ms: length, attributes: {} });
  const stages = [failed("invalid-token", 1, 1), failed("email-taken", 2, 5), failed("idempotency-mismatch", 3, 1)];
  equal(failedStage(trace("POST", "/api/users", 409, {}, {}, stages)).problem, "email-taken");
  equal(failedStage(trace("POST", "/api/users", 201, {}, {}, stages)), null);
});

Deno.test("the browser's spans omit the values of unknown parameters", () => {
  const parts = [{ stage: "wait", start_ms: 1_700_000_000_000.5, duration_ms: 2 }];
  const url = `${ORIGIN}/api/users?limit=3&email=ahmed@example.com&a%26b=c`;
  const [root, wait] = exportRequest(newContext(), { method: "GET", url, status: 200, parts }).resourceSpans[0].scopeSpans[0].spans;
  equal(root.attributes.find(({ key }) => key === "url.full").value.stringValue, `${ORIGIN}/api/users?limit=3&email=…&a%26b=…`);
  equal(wait.parentSpanId, root.spanId);
  equal(wait.startTimeUnixNano, "1700000000000500000");
});
