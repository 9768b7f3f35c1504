import { deepEqual, equal } from "node:assert/strict";
import { TraceCache } from "../../../lab/page/static/trace_cache.js";

Deno.test("the trace that was used longest ago is removed first", async () => {
  const cache = new TraceCache();
  for (let id = 0; id < 20; id += 1) cache.keep(`${id}`, { request_id: null, spans: [] });
  await cache.get(["0"]);
  cache.keep("20", { request_id: null, spans: [] });
  equal(cache.traces.size, 20);
  deepEqual([cache.traces.has("0"), cache.traces.has("1")], [true, false]);
});
