// Identifies the caller by access token and session, like app/adapters/tokens.py and
// session_cache.py.

import { createHash, createPrivateKey, createPublicKey, verify } from "node:crypto";

import { LRUCache } from "lru-cache";

import { statement, transaction } from "./postgres.js";

const MAX_REMEMBERED = 10_000;
const MAX_TOKEN_CHARACTERS = 2048;
const SESSION_MS = 800;
const IDLE_LIFETIME_MS = Number(process.env.SESSION_IDLE_LIFETIME) * 1000;
const LAST_USE_PRECISION_MS = 60_000;

// RFC 8410: the bytes before an Ed25519 seed in PKCS #8. This service computes the public key and
// its id from the seed, so that it needs no other service when it starts.
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_KEY = createPublicKey(
  createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, Buffer.from(process.env.TOKEN_SIGNING_KEY, "base64")]),
    format: "der",
    type: "pkcs8",
  }),
);
const KEY_ID = createHash("sha256")
  .update(`{"crv":"Ed25519","kty":"OKP","x":"${PUBLIC_KEY.export({ format: "jwk" }).x}"}`)
  .digest("base64url");

const findPrincipal = statement("session", `
SELECT sessions.user_id, sessions.id, users.role, sessions.last_used_at, sessions.created_at,
  sessions.cookie_hash IS NOT NULL AS anon_1
FROM sessions JOIN users ON sessions.user_id = users.id
WHERE sessions.expires_at > $1::TIMESTAMP WITH TIME ZONE
  AND sessions.last_used_at > $2::TIMESTAMP WITH TIME ZONE
  AND users.erased_at IS NULL AND users.disabled_at IS NULL
  AND sessions.id = $3::BIGINT AND sessions.user_id = $4::BIGINT`);
const touch = statement("touch", `
UPDATE sessions SET last_used_at=$1::TIMESTAMP WITH TIME ZONE
WHERE sessions.id = $2::BIGINT AND sessions.last_used_at < $1::TIMESTAMP WITH TIME ZONE`);

const verified = new LRUCache({ max: MAX_REMEMBERED });
const known = new LRUCache({ max: MAX_REMEMBERED });
const loading = new Map();

/** Return the claims of an access token, or null if it is not valid. */
export function claimsOf(token) {
  const remembered = verified.get(token);
  if (remembered !== undefined && remembered.until > Date.now() / 1000) {
    return remembered;
  }
  const claims = verifiedClaims(token);
  if (claims !== null) {
    verified.set(token, claims);
  }
  return claims;
}

function verifiedClaims(token) {
  const [head, payload, signature, ...rest] = token.split(".");
  if (token.length > MAX_TOKEN_CHARACTERS || signature === undefined || rest.length > 0) {
    return null;
  }
  const header = parsed(head);
  const { iss, aud, sub, sid, jti, iat, exp } = parsed(payload);
  const now = Date.now() / 1000;
  const isOurs = header.alg === "EdDSA" && header.typ === "at+jwt" && header.kid === KEY_ID
    && !("crit" in header)
    && verify(null, `${head}.${payload}`, PUBLIC_KEY, Buffer.from(signature, "base64url"));
  const isValid = isOurs && iss === (process.env.TOKEN_ISSUER ?? "roundtrip")
    && aud === (process.env.TOKEN_AUDIENCE ?? "roundtrip")
    && sub > 0 && sid > 0 && jti !== undefined && iat <= now && exp > now;
  return isValid ? { userId: Number(sub), sessionId: Number(sid), until: exp } : null;
}

function parsed(part) {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString()) ?? {};
  } catch {
    return {};
  }
}

/**
 * Return the principal of a token, or a promise of the principal; null if the session has ended. In
 * the second half of its lifetime, a cached principal is returned and refreshed in the background.
 */
export function principalOf(claims) {
  const found = known.get(`${claims.userId} ${claims.sessionId}`);
  const ageMs = found === undefined ? Infinity : performance.now() - found.askedAtMs;
  if (ageMs >= SESSION_MS) {
    return lookUpOnce(claims);
  }
  if (ageMs > SESSION_MS / 2) {
    // An error of this refresh is ignored: a later request repeats the lookup.
    lookUpOnce(claims).catch(() => {});
  }
  return found.principal;
}

function lookUpOnce(claims) {
  const key = `${claims.userId} ${claims.sessionId}`;
  if (!loading.has(key)) {
    loading.set(key, lookUp(key, claims).finally(() => loading.delete(key)));
  }
  return loading.get(key);
}

async function lookUp(key, { userId, sessionId }) {
  const askedAtMs = performance.now();
  const now = Date.now();
  const usedSince = iso(now - IDLE_LIFETIME_MS);
  const [row] = await findPrincipal([iso(now), usedSince, sessionId, userId]);
  if (row === undefined) {
    return null;
  }
  if (Date.parse(row.last_used_at) <= now - LAST_USE_PRECISION_MS) {
    await transaction((connection) => touch([iso(now), sessionId], connection));
  }
  const principal = { userId, role: row.role };
  known.set(key, { principal, askedAtMs });
  return principal;
}

function iso(milliseconds) {
  return new Date(milliseconds).toISOString();
}
