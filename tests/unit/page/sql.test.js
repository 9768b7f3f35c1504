import { equal } from "node:assert/strict";
import { lines } from "../../../lab/page/static/stage/sql.js";

Deno.test("each clause begins a line, and conditions are indented", () => {
  equal(lines("SELECT id FROM users WHERE id = %(a)s AND name = %(b)s"),
    "SELECT id\nFROM users\nWHERE id = %(a)s\n  AND name = %(b)s");
});

Deno.test("a clause of several words stays together", () => {
  equal(lines("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1 RETURNING id"),
    "INSERT INTO t\nVALUES (1)\nON CONFLICT\nDO UPDATE SET a = 1\nRETURNING id");
});

Deno.test("quoted text and types with time zone are not broken", () => {
  equal(lines("SELECT 'it''s FROM here', \"WHERE\", %(now)s::TIMESTAMP WITH TIME ZONE FROM t"),
    "SELECT 'it''s FROM here', \"WHERE\", %(now)s::TIMESTAMP WITH TIME ZONE\nFROM t");
});
