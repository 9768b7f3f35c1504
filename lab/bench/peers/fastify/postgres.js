// The pool of connections to PostgreSQL, with the settings of app/repositories/postgres/connections.py.

import pg from "pg";

const POOL_SIZE = 10;
const POOL_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 5_000;

// All ids of the benchmark are below 2^53, so a JavaScript number can hold them exactly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, rfc3339);

export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  application_name: "fastify",
  max: POOL_SIZE,
  connectionTimeoutMillis: POOL_TIMEOUT_MS,
  // Connections stay open, as in the Python service.
  idleTimeoutMillis: 0,
  statement_timeout: STATEMENT_TIMEOUT_MS,
  lock_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  options: "-c timezone=UTC -c datestyle=ISO",
});

/**
 * Return a function that runs this statement on the pool, or on a transaction's connection.
 * Each connection prepares the statement once, with `name` as the statement's name.
 */
export function statement(name, text) {
  return async (values, connection = pool) =>
    (await connection.query({ name, text, values })).rows;
}

/** Run `work` in a transaction, and commit the transaction. If `work` throws, roll it back. */
export async function transaction(work) {
  const connection = await pool.connect();
  try {
    await connection.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    const result = await work(connection);
    await connection.query("COMMIT");
    connection.release();
    return result;
  } catch (error) {
    await connection.query("ROLLBACK").then(
      () => connection.release(),
      (lost) => connection.release(lost),
    );
    throw error;
  }
}

/** Convert `2026-05-12 01:57:34.18566+00` to RFC 3339. A Date would lose the microseconds. */
function rfc3339(text) {
  const [seconds, fraction = ""] = text.slice(0, -"+00".length).split(".");
  return `${seconds.replace(" ", "T")}.${fraction.padEnd(6, "0")}Z`;
}
