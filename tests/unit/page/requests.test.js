import { deepEqual, equal } from "node:assert/strict";
import { merged } from "../../../lab/page/static/list/newest_first.js";
import { RequestList } from "../../../lab/page/static/list/requests.js";

const entry = (id, second, more) => ({ trace_id: id, started_at: `2026-01-01T00:00:0${second}Z`, ...more });
const shown = ({ entries, cursor }) => [entries.map((it) => it.trace_id).join(""), cursor?.slice(-3) ?? null];

Deno.test("the list has the newest request first, and only the last version of each request", () => {
  const { entries } = merged([entry("a", 1), entry("b", 2), entry("a", 1, { status: 200 })], null, 9);
  deepEqual(entries, [entry("b", 2), entry("a", 1, { status: 200 })]);
});

Deno.test("a request below the cursor is left out, because the next older page will contain it", () => {
  const last = entry("c", 3);
  const cursor = `${last.started_at}_c`;
  deepEqual(shown(merged([last, entry("d", 4), entry("b", 2)], cursor, 9)), ["dc", "Z_c"]);
  deepEqual(shown(merged([last, entry("b", 2)], null, 9)), ["cb", null]);
});

Deno.test("if the list is full, the cursor moves up to its last request", () => {
  deepEqual(shown(merged([entry("a", 1), entry("b", 2), entry("c", 3)], null, 2)), ["cb", "Z_b"]);
});

Deno.test("of the requests that arrive while the list is in use, the newest 200 are kept", () => {
  // The constructor is not called, because it needs a document.
  const list = Object.assign(Object.create(RequestList.prototype), { pending: new Map(), pendingCursor: undefined });
  const all = Array.from({ length: 201 }, (_, at) => entry(String(at).padStart(3, "0"), 1));
  list.addPending(all.slice(0, 200));
  deepEqual([list.pending.size, list.pendingCursor], [200, undefined]);
  list.addPending(all.slice(200));
  deepEqual([list.pending.size, list.pendingCursor], [200, `${all[1].started_at}_001`]);
  equal(list.pending.has("000"), false);
});
