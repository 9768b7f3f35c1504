import { deepEqual, equal } from "node:assert/strict";
import { TraceCache } from "../../../lab/page/static/collector/trace_cache.js";

/** Let `fetch` wait, and return the functions that answer: with a version of the trace, or without one. */
function collector() {
  const answers = [];
  globalThis.fetch = () => new Promise((resolve) => answers.push((version) =>
    resolve(version ? Response.json({ version }) : new Response(null, { status: 503 }))));
  return answers;
}

/** The versions of the traces, or "error". */
const versions = async (reading) => (await reading).map((it) => it.version ?? "error");

Deno.test("a trace is read once, and again after it has changed", async () => {
  const answers = collector();
  const cache = new TraceCache();
  for (const version of [1, 2]) {
    const reading = cache.get(["a"]);
    answers[version - 1](version);
    deepEqual(await versions(reading), [version]);
    deepEqual(await versions(cache.get(["a"])), [version]);
    cache.markStale("a");
  }
});

Deno.test("if a stale trace cannot be read, the old version is used, and read again next time", async () => {
  const answers = collector();
  const cache = new TraceCache();
  for (const [version, expected] of [[null, "error"], [1, 1], [null, 1], [2, 2]]) {
    cache.markStale();
    const reading = cache.get(["a"]);
    answers.pop()(version);
    deepEqual(await versions(reading), [expected]);
  }
});

Deno.test("of two reads at once, the later one counts, whichever answer comes first", async () => {
  const answers = collector();
  const cache = new TraceCache();
  const first = cache.get(["a"]);
  // The trace changes while it is read.
  cache.markStale("a");
  const second = cache.get(["a"]);
  answers[1](2);
  deepEqual(await versions(second), [2]);
  answers[0](1);
  deepEqual(await versions(first), [2]);
});

Deno.test("the trace that was used longest ago is removed first", async () => {
  globalThis.fetch = () => Promise.resolve(Response.json({}));
  const cache = new TraceCache();
  for (let id = 0; id < 20; id += 1) await cache.get([`${id}`]);
  await cache.get(["0"]);
  await cache.get(["20"]);
  equal(cache.traces.size, 20);
  deepEqual([cache.traces.has("0"), cache.traces.has("1")], [true, false]);
});
