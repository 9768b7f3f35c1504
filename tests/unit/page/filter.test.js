import { deepEqual, equal } from "node:assert/strict";
import { filterOf, isNarrow, queryOf } from "../../../lab/page/static/list/filter.js";

Deno.test("a filter that is written to the page's address is the same when it is read again", () => {
  const filter = { path: "/api/users/42?", route: "/x/{id}", method: "GET", status: "5xx", min_ms: "250", user: "42", id: "ab", background: "show" };
  deepEqual(filterOf(new URLSearchParams(queryOf(filter))), filter);
});

Deno.test("empty fields and other parameters are not part of the filter", () => {
  deepEqual(filterOf([["path", "  "], ["status", " 404 "], ["utm", "x"]]), { status: "404" });
  equal(queryOf({}), "");
});

Deno.test("the page itself knows which requests match, unless the filter is narrow", () => {
  deepEqual([{}, { background: "show" }, { status: "404" }].map(isNarrow), [false, false, true]);
});
