// Errors as problem documents (RFC 9457), with the statuses and codes of the Python service.

const STATUSES = {
  "malformed-json": 400,
  "malformed-header": 400,
  "unauthenticated": 401,
  "invalid-token": 401,
  "not-found": 404,
  "idempotency-in-flight": 409,
  "out-of-stock": 409,
  "content-too-large": 413,
  "unsupported-media-type": 415,
  "idempotency-mismatch": 422,
  "invalid-content": 422,
  "too-many-requests": 429,
  "internal-error": 500,
  "contended": 503,
  "unavailable": 503,
};
// Maps error codes of Fastify and SQLSTATEs to problem codes.
const CODES = {
  FST_ERR_CTP_BODY_TOO_LARGE: "content-too-large",
  FST_ERR_CTP_EMPTY_JSON_BODY: "malformed-json",
  FST_ERR_CTP_INVALID_JSON_BODY: "malformed-json",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  "40001": "contended",
  "40P01": "contended",
};
// SQLSTATEs and driver messages that mean that a server is unavailable or too slow.
const UNAVAILABLE_CODE = /^(08|57|55P03|ECONN|EPIPE)/;
const UNAVAILABLE_MESSAGE = /connection (is closed|terminated)|isn't writeable|timeout exceeded/i;

/** An error that is sent to the client as a problem document. */
export class Problem extends Error {
  constructor(code, { detail, errors, retryAfterSeconds = 1 } = {}) {
    super(code);
    Object.assign(this, { problem: code, detail, errors, retryAfterSeconds });
  }
}

/** Send the problem document for an error. */
export function sendProblem(error, request, reply) {
  const { problem: code, detail, errors, retryAfterSeconds } = problemOf(error);
  const status = STATUSES[code];
  if (status === 500) {
    request.log.error({ err: error }, "unexpected_error");
  }
  reply.headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (status === 401) {
    const isInvalid = code === "invalid-token";
    reply.header("www-authenticate", isInvalid ? 'Bearer error="invalid_token"' : "Bearer");
  } else if (status === 429 || status === 503) {
    reply.header("retry-after", retryAfterSeconds);
  }
  const words = code.replaceAll("-", " ").replace("json", "JSON");
  const title = words[0].toUpperCase() + words.slice(1);
  reply.code(status).serializer(JSON.stringify).send({
    type: `/problems/${code}`,
    title,
    status,
    detail: detail ?? `${title}.`,
    instance: `#${request.id}`,
    code,
    request_id: request.id,
    errors,
  });
}

function problemOf(error) {
  if (error instanceof Problem) {
    return error;
  }
  if (error.validation !== undefined) {
    const errors = error.validation.map(({ instancePath, message }) => (
      { detail: `This ${message}.`, pointer: instancePath }
    ));
    return new Problem("invalid-content", { errors });
  }
  const isAway = UNAVAILABLE_CODE.test(error.code) || UNAVAILABLE_MESSAGE.test(error.message);
  return new Problem(CODES[error.code] ?? (isAway ? "unavailable" : "internal-error"));
}
