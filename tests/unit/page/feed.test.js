import { deepEqual, equal, notEqual } from "node:assert/strict";
import { Feed } from "../../../lab/page/static/list/feed.js";

const entry = (id, status = 200) => ({ trace_id: id, status, background: false });

/** Make a feed. Its list records each call in `calls`. Each request to the collector waits until the test calls a function in `answers`. */
function feed(ids, cursor = null) {
  const calls = [];
  const record = (name) => (entries, next) => calls.push([name, entries.map((it) => `${it.trace_id}${it.status}`).join(" "), next]);
  const list = {
    loaded: true, cursor, ids: () => new Set(ids), has: (id) => ids.includes(id),
    add: record("add"), reset: record("reset"), replace: record("replace"), addOlder: record("addOlder"), clear: () => calls.push(["clear"]),
  };
  const answers = [];
  globalThis.fetch = () => new Promise((resolve) => answers.push((items, next_cursor, status = 200) =>
    resolve(Response.json(status === 200 ? { items, next_cursor, total: 9 } : { detail: "x", errors: status === 422 ? [{ parameter: "status" }] : [] }, { status }))));
  const errors = [];
  return { list, calls, answers, errors, made: new Feed(list, { onpage: () => {}, onerror: (error) => errors.push(error.parameter) }) };
}

Deno.test("a request that arrives while the first page is read is newer than the page", async () => {
  const { made, calls, answers } = feed(["a"]);
  const asked = made.ask();
  made.receive(entry("a", 500));
  answers[0]([entry("b"), entry("a")], null);
  await asked;
  deepEqual(calls, [["add", "a500", undefined], ["add", "b200 a200 a500", undefined]]);
});

Deno.test("a request that arrives while the page is read does not hide a gap between page and list", async () => {
  const { made, list, calls, answers } = feed(["a"]);
  const asked = made.ask();
  list.ids = () => new Set(["a", "c"]);
  answers[0]([entry("c"), entry("b")], "cursor");
  await asked;
  deepEqual(calls, [["replace", "c200 b200", "cursor"]]);
});

Deno.test("an older page is dropped if the filter or the end of the list has changed while the page was read", async () => {
  const { made, list, calls, answers } = feed(["c"], "c");
  const loads = [made.loadOlder(), made.loadOlder()];
  answers[0]([entry("b")], null);
  await loads[0];
  list.cursor = null;
  answers[1]([entry("b")], null);
  await loads[1];
  deepEqual(calls, [["addOlder", "b200", null]]);
});

Deno.test("after the collector has refused a filter, the list is empty, and the page does not ask again", async () => {
  const { made, calls, answers, errors } = feed([]);
  const shown = made.show({ status: "teapot" });
  answers[0]([], null, 422);
  await shown;
  made.receive(entry("a"));
  await made.ask();
  equal(answers.length, 1);
  deepEqual([calls, errors], [[["clear"]], ["status"]]);
});

Deno.test("if the collector is unreachable, the list does not show another filter's requests, and is read again later", async () => {
  const { made, calls, answers, errors } = feed([]);
  const shown = made.show({ status: "404" });
  answers[0]([], null, 503);
  await shown;
  deepEqual([calls, errors], [[["clear"]], [undefined]]);
  notEqual(made.retry, 0);
  clearTimeout(made.retry);
  const again = made.ask();
  answers[1]([entry("a")], null);
  await again;
  deepEqual(calls.at(-1), ["reset", "a200", null]);
});

Deno.test("the list shows assets only if the filter includes them", () => {
  const { made, calls } = feed([]);
  for (const background of ["hide", "show"]) {
    made.filter = { background };
    made.receive({ ...entry(background), background: true });
  }
  deepEqual(calls, [["add", "show200", undefined]]);
});
