import { deepEqual } from "node:assert/strict";
import { merged } from "../../../lab/page/static/requests.js";

const entry = (id, second, more) => ({ trace_id: id, started_at: `2026-01-01T00:00:0${second}Z`, ...more });
const shown = ({ entries, cursor }) => [entries.map((it) => it.trace_id).join(""), cursor?.slice(-3) ?? null];

Deno.test("the list has the newest request first, and the last version of each", () => {
  const { entries } = merged([entry("a", 1), entry("b", 2), entry("a", 1, { status: 200 })], null, 9);
  deepEqual(entries, [entry("b", 2), entry("a", 1, { status: 200 })]);
});

Deno.test("a request below the cursor is left to the next older page", () => {
  const last = entry("c", 3);
  const cursor = `${last.started_at}_c`;
  deepEqual(shown(merged([last, entry("d", 4), entry("b", 2)], cursor, 9)), ["dc", "Z_c"]);
  deepEqual(shown(merged([last, entry("b", 2)], null, 9)), ["cb", null]);
});

Deno.test("if the list is full, the cursor moves up to its last request", () => {
  deepEqual(shown(merged([entry("a", 1), entry("b", 2), entry("c", 3)], null, 2)), ["cb", "Z_b"]);
});
