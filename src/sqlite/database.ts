/**
 * The connection to the data file: transactions, and what becomes of errors.
 *
 * Every engine works through it, so that a full disk means the same everywhere: the call rejects with an
 * `UnavailableError`, the file is as it was before, and `probe` finds out when it can be written again. `data-file.ts` opens it.
 */
import { UnavailableError } from '../lib/unavailable-error.ts';

/** What is bound to a parameter. */
export type SqlValue = string | number | null;

/** What is called of the statements of `node:sqlite`. */
export interface SqlStatement {
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
  run(...values: SqlValue[]): { changes: number | bigint };
}

/** What is called of the databases of `node:sqlite`. */
export interface SqlConnection {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

/** A prepared statement. Its methods throw what SQLite does; call them within `read` or `write`. */
export interface Query<Row> {
  /** The first row; `undefined` if there is none. */
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
  /** Returns how many rows have changed. */
  run(...values: SqlValue[]): number;
}

/** What is logged of a database. */
export interface DatabaseLog {
  error(message: string, fields?: Readonly<Record<string, string>>): void;
  warn(message: string, fields?: Readonly<Record<string, string>>): void;
}

/** BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL and NOTADB. */
const FILE_CODES: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 11, 13, 14, 15, 26]);

/** An open data file. `close()` it. */
export class Database {
  readonly #connection: SqlConnection;
  readonly #log: DatabaseLog;
  readonly #begin: SqlStatement;
  readonly #commit: SqlStatement;
  #isAvailable = true;
  #isClosed = false;

  /** @param connection - An open connection. It is closed along with this object. */
  constructor(connection: SqlConnection, log: DatabaseLog) {
    this.#connection = connection;
    this.#log = log;
    this.#begin = connection.prepare('BEGIN IMMEDIATE');
    this.#commit = connection.prepare('COMMIT');
  }

  /** Whether the last transaction succeeded. */
  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** Prepares a statement whose rows have the columns of `Row`. */
  prepare<Row>(sql: string): Query<Row> {
    const statement = this.#connection.prepare(sql);
    return {
      get: (...values) => statement.get(...values) as Row | undefined,
      all: (...values) => statement.all(...values) as Row[],
      run: (...values) => Number(statement.run(...values).changes),
    };
  }

  /**
   * Runs `work`, which only reads.
   *
   * @throws {@link UnavailableError} if the file cannot be read.
   */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  /**
   * Runs `work` as one transaction: when this returns, what it has written outlives the process. If it throws, it has
   * changed nothing.
   *
   * @throws {@link UnavailableError} if the file cannot be written.
   */
  write<T>(work: () => T): T {
    try {
      this.#begin.run();
      const result = work();
      this.#commit.run();
      this.#setAvailable();
      return result;
    } catch (error) {
      this.#rollBack();
      throw this.#errorOf(error);
    }
  }

  /** Finds out whether a file that could not be written can be by now. Call it now and then. */
  probe(): void {
    if (this.#isAvailable || this.#isClosed) return;
    // The checkpoint copies what was written to its place in the file, which makes room where that file need not grow.
    for (const attempt of [
      () => this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
      () => this.write(() => this.#connection.exec("INSERT OR REPLACE INTO numbers VALUES ('probe', 0)")),
    ]) {
      try {
        attempt();
      } catch {
        // Not yet.
      }
    }
  }

  /** Closes the file. Afterwards, every call throws an {@link UnavailableError}. Never throws. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.#connection.close();
    } catch (error) {
      this.#log.error('the data file could not be closed', { error: String(error) });
    }
  }

  #rollBack(): void {
    try {
      this.#connection.exec('ROLLBACK');
    } catch {
      // SQLite has done it already, as it does when the disk is full; or nothing had begun.
    }
  }

  #errorOf(error: unknown): unknown {
    // All else is a bug, or an error of the engine's own.
    if (!isFileError(error)) return error;
    if (this.#isAvailable && !this.#isClosed) this.#log.error('the data file cannot be used', { error: error.message });
    this.#isAvailable = false;
    return new UnavailableError('The data file cannot be used', { cause: error });
  }

  #setAvailable(): void {
    if (this.#isAvailable) return;
    this.#isAvailable = true;
    this.#log.warn('the data file can be used again');
  }
}

/** An error of `node:sqlite`. `errcode` is SQLite's result code, of which the lowest byte is the primary one. */
export type DatabaseError = Error & { code: string; errcode?: number };

/** Whether `node:sqlite` has thrown this. */
export function isDatabaseError(error: unknown): error is DatabaseError {
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && (code === 'ERR_SQLITE_ERROR' || code === 'ERR_INVALID_STATE');
}

/** Whether the file is to blame. SQLite says with other codes that a statement or what is bound to it is wrong: a bug. */
function isFileError(error: unknown): error is DatabaseError {
  if (!isDatabaseError(error)) return false;
  return error.errcode === undefined || FILE_CODES.has(error.errcode & 0xff);
}
