import { deepEqual, equal } from "node:assert/strict";
import { TraceCache } from "../../../lab/page/static/collector/trace_cache.js";

/** Let each `fetch` wait. Return a list of functions: each answers one `fetch`, with a version of the trace, or else with 503. */
function collector() {
  const answers = [];
  globalThis.fetch = () => new Promise((resolve) => answers.push((version) =>
    resolve(version ? Response.json({ version }) : new Response(null, { status: 503 }))));
  return answers;
}

/** Return the versions of the traces; "error" in place of a trace that could not be read. */
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

Deno.test("if a stale trace cannot be read, the old version is used, and the next use reads the trace again", async () => {
  const answers = collector();
  const cache = new TraceCache();
  for (const [version, expected] of [[null, "error"], [1, 1], [null, 1], [2, 2]]) {
    cache.markStale();
    const reading = cache.get(["a"]);
    answers.pop()(version);
    deepEqual(await versions(reading), [expected]);
  }
});

Deno.test("of two reads at the same time, the read that began later counts, whichever answer arrives first", async () => {
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
