// Commands to Valkey, with the scripts, keys and lifetimes of app/adapters/redis/ and read_cache/.

import { randomBytes } from "node:crypto";

import Redis from "iovalkey";

const CACHE_IS_ON = process.env.CACHE !== "off";
const PREFIX = process.env.REDIS_KEY_PREFIX ?? "roundtrip";
const GENERATION_SECONDS = 24 * 60 * 60;
const ENTRIES_MS = Number(process.env.CACHE_LIFETIME) * 1000;

const [, AMOUNT, UNIT] = /^(\d+)\/(second|minute|hour|day)$/.exec(process.env.RATE_LIMIT_DEFAULT);
const WINDOW_SECONDS = { second: 1, minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }[UNIT];
export const RATE_LIMIT_POLICY = `"default";q=${AMOUNT};w=${WINDOW_SECONDS}`;

const HIT = `
local count = redis.call('INCRBY', KEYS[1], 1)
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
`;
const READ = `
local generation = redis.call('GET', KEYS[1])
if not generation then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return {ARGV[1], false, 0}
end
local entry = redis.call('HGET', KEYS[1] .. ':' .. generation, ARGV[3])
return {generation, entry, ARGV[2] * 1000 - redis.call('PTTL', KEYS[1])}
`;
const STORE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local entries = KEYS[1] .. ':' .. ARGV[1]
redis.call('HSET', entries, ARGV[2], ARGV[3])
if redis.call('PTTL', entries) < 0 then
  redis.call('PEXPIRE', entries, ARGV[4])
end
return 1
`;
const INVALIDATE = `
for _, key in ipairs(KEYS) do
  local generation = redis.call('GET', key)
  redis.call('UNLINK', key)
  if generation then
    redis.call('UNLINK', key .. ':' .. generation)
  end
end
`;

export const valkey = new Redis(process.env.REDIS_URL, {
  lazyConnect: true,
  // The client sends all commands of one turn of the event loop together.
  enableAutoPipelining: true,
  // While the connection is lost, commands fail. The client never sends a command twice, because
  // Valkey would count a request twice.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
});

const loading = new Map();

/** Count one request of a caller, and return the state of its window. */
export async function hit(caller) {
  const key = `${PREFIX}:limit:LIMITER/default/${caller}/${AMOUNT}/1/${UNIT}`;
  const [count, leftMs] = await evaluate(HIT, [key], WINDOW_SECONDS * 1000);
  return {
    isExceeded: count > AMOUNT,
    remaining: Math.max(0, AMOUNT - count),
    resetSeconds: Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(leftMs / 1000))),
  };
}

/** Return the current generation of a tag. Cached reads of another generation are stale. */
export function generationOf(tag) {
  return valkey.get(keyOf(tag));
}

/** Return the stored body, or load it if there is none. Concurrent callers share one load. */
export async function getOrLoad(tag, variant, load) {
  if (!CACHE_IS_ON) {
    return { body: await load(), outcome: "bypass", generation: null };
  }
  const fresh = randomBytes(8).toString("hex");
  const [generation, stored] = await evaluate(
    READ, [keyOf(tag)], fresh, GENERATION_SECONDS, variant,
  );
  if (stored !== null) {
    return { body: stored, outcome: "hit", generation };
  }
  const key = `${tag} ${generation} ${variant}`;
  if (loading.has(key)) {
    return { body: await loading.get(key), outcome: "hit", generation };
  }
  const loaded = loadAndStore(tag, variant, generation, load).finally(() => loading.delete(key));
  loading.set(key, loaded);
  return { body: await loaded, outcome: "miss", generation };
}

async function loadAndStore(tag, variant, generation, load) {
  const body = await load();
  // The lifetime is shortened by up to a tenth at random. So entries that were stored together do
  // not expire together.
  const lifetimeMs = Math.floor(ENTRIES_MS * (0.9 + Math.random() / 10));
  await evaluate(STORE, [keyOf(tag)], generation, variant, body, lifetimeMs);
  return body;
}

/** Invalidate the cached reads of these tags. */
export function invalidate(tags) {
  return evaluate(INVALIDATE, Array.from(tags, keyOf));
}

function keyOf(tag) {
  return `${PREFIX}:cache:{${tag}}`;
}

function evaluate(script, keys, ...values) {
  return valkey.eval(script, keys.length, ...keys, ...values);
}
