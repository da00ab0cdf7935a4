/**
 * Opens the data file: creates it, takes its lock, checks it, and brings its schema up to date.
 *
 * One process at a time has the file; the operating system releases the lock of a process that is killed. A corrupt file is
 * set aside, because a server that starts without its old sessions is worth more than one that does not start. A file that
 * another program or a newer version has written is left alone.
 */
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Database, isDatabaseError, type DatabaseLog, type SqlConnection } from './database.ts';

/** The name of the file in its directory. SQLite keeps a second one beside it, with `-wal` at the end. */
export const FILE_NAME = 'hono-mcp-server.sqlite';

/** Marks the file as ours (`PRAGMA application_id`): "hMCP" in ASCII. */
const APPLICATION_ID = 0x68_4d_43_50;

/** SQLite's result codes, of which the lowest byte is the primary one. */
const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/**
 * WAL with `synchronous=NORMAL` writes each transaction to the operating system, and waits for the disk only at
 * checkpoints. So a process that is killed loses nothing. If the machine loses power, the last transactions may be
 * lost, in whole and from the end: the file is then as it was a moment earlier. FULL would wait for the disk in each
 * transaction, with the event loop standing still.
 *
 * An exclusive lock keeps other processes out, and spares SQLite the shared memory between them.
 */
const PRAGMAS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA journal_size_limit = 8388608;
`;

/** How the schema came to be: each step makes the next version of it from the one before. Never change one that was released. */
const STEPS = [
  `
  -- Texts that may contain NUL are kept as JSON, since Node.js 22 reads a text only up to there.
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, principal TEXT NOT NULL, created_at INTEGER NOT NULL, initialize TEXT NOT NULL,
    initialized INTEGER NOT NULL, log_level TEXT, subscriptions TEXT NOT NULL, told_change INTEGER NOT NULL,
    version INTEGER NOT NULL, used_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX sessions_by_use ON sessions (used_at);
  CREATE INDEX sessions_of_principal_by_use ON sessions (principal, used_at);

  CREATE TABLE logs (
    number INTEGER PRIMARY KEY, session TEXT NOT NULL UNIQUE, tag TEXT NOT NULL, last INTEGER NOT NULL,
    bytes INTEGER NOT NULL, used_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX logs_by_use ON logs (used_at);
  CREATE TABLE streams (
    number INTEGER PRIMARY KEY, log INTEGER NOT NULL REFERENCES logs ON DELETE CASCADE, id TEXT NOT NULL,
    bytes INTEGER NOT NULL, events INTEGER NOT NULL, losable INTEGER NOT NULL, last INTEGER NOT NULL,
    lost INTEGER NOT NULL, taken INTEGER NOT NULL, told INTEGER NOT NULL, holder TEXT, owed_by TEXT, owed_calls TEXT,
    ended_at INTEGER, ended_as INTEGER, UNIQUE (log, id)
  ) STRICT;
  CREATE INDEX streams_by_end ON streams (ended_as) WHERE ended_as IS NOT NULL;
  CREATE INDEX streams_that_may_lose ON streams (number) WHERE losable > 0;
  CREATE TABLE events (
    stream INTEGER NOT NULL REFERENCES streams ON DELETE CASCADE, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
    may_be_lost INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (stream, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE state (
    scope TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, expires_at INTEGER, value TEXT NOT NULL,
    PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX state_by_expiry ON state (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE changes (subject TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, event TEXT NOT NULL) STRICT;
  CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  `,
];

/** What is called of `node:sqlite`. */
interface SqliteModule {
  DatabaseSync: new (path: string) => SqlConnection;
}

/** Why there is no database. The message is the end of a sentence that begins with the directory. */
export class DataFileError extends Error {
  override name = 'DataFileError';
}

/** Options for {@link openDataFile}. */
export interface DataFileOptions {
  /** The directory of the file. It is created, for its owner alone, if it does not exist. */
  dataDir: string;
  /** The time now, in milliseconds since 1970. */
  now: () => number;
  log: DatabaseLog;
  /** What makes each version of the schema from the one before. @default those of this version */
  steps?: readonly string[];
}

/**
 * Opens the file in a directory.
 *
 * @throws {@link DataFileError} if that is not possible, with what to do about it.
 */
export function openDataFile({ dataDir, now, log, steps = STEPS }: DataFileOptions): Database {
  const sqlite = process.getBuiltinModule('node:sqlite') as SqliteModule | undefined;
  if (!sqlite)
    throw new DataFileError(`needs Node.js 22.13 or later, which has SQLite built in; this is ${process.version}`);
  const file = createFile(dataDir);
  const open = () => new Database(openConnection(sqlite, file, steps), log);
  try {
    return open();
  } catch (error) {
    if (!isCorrupt(error)) throw startError(error);
    const name = setAside(file, now());
    log.error('the data file is corrupt: it was set aside, and a new one begun', {
      file: FILE_NAME,
      setAsideAs: name,
      error: String(error),
    });
  }
  try {
    return open();
  } catch (error) {
    throw startError(error);
  }
}

/** Creates the directory and an empty file, unless they exist: SQLite would create one that others can read. */
function createFile(dataDir: string): string {
  const file = join(dataDir, FILE_NAME);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw startError(error);
  }
  return file;
}

function openConnection({ DatabaseSync }: SqliteModule, file: string, steps: readonly string[]): SqlConnection {
  const connection = new DatabaseSync(file);
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE');
    const version = versionOf(connection, steps.length);
    connection.exec(PRAGMAS);
    const [problem] = Object.values(connection.prepare('PRAGMA quick_check(1)').get() as Record<string, unknown>);
    if (problem !== 'ok') throw new CorruptError(String(problem));
    // Nothing is written to a file that is as it should be: the disk may be full.
    if (version < steps.length) migrate(connection, steps.slice(version), steps.length);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

function migrate(connection: SqlConnection, steps: readonly string[], version: number): void {
  connection.exec('BEGIN IMMEDIATE');
  for (const step of steps) connection.exec(step);
  connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}; COMMIT`);
}

/** The version of the schema in the file; 0 if the file is new. Has changed nothing when it throws. */
function versionOf(connection: SqlConnection, newest: number): number {
  const { application, version, tables } = connection
    .prepare(
      `SELECT application_id AS application, user_version AS version, (SELECT count(*) FROM sqlite_schema) AS tables
       FROM pragma_application_id, pragma_user_version`,
    )
    .get() as { application: number; version: number; tables: number };
  const isNew = application === 0 && version === 0 && tables === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new DataFileError(`has a ${FILE_NAME} that is not of this server: name another directory`);
  }
  if (version > newest) {
    throw new DataFileError(
      `has a ${FILE_NAME} of a newer version of this server (schema ${version}, this one knows ${newest}): ` +
        'run that version, or move the file away to start without its sessions',
    );
  }
  return version;
}

/** SQLite has found this wrong in a file that it could open. */
class CorruptError extends Error {
  override name = 'CorruptError';
}

function isCorrupt(error: unknown): boolean {
  const code = resultCode(error);
  return error instanceof CorruptError || code === CORRUPT || code === NOT_A_DATABASE;
}

function resultCode(error: unknown): number | undefined {
  return isDatabaseError(error) && error.errcode !== undefined ? error.errcode & 0xff : undefined;
}

/** Renames the file, which has been closed: so what was in the one beside it is in it by now. Returns its new name. */
function setAside(file: string, now: number): string {
  const suffix = `.corrupt-${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  try {
    renameSync(file, file + suffix);
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw startError(error);
  }
  return FILE_NAME + suffix;
}

/** What to tell whoever has started the server. */
function startError(cause: unknown): unknown {
  if (cause instanceof DataFileError || !(cause instanceof Error)) return cause;
  if (resultCode(cause) === BUSY) {
    return new DataFileError('is in use by another process: one server at a time can have it', { cause });
  }
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (!isDatabaseError(cause) && !/^E[A-Z]+$/.test(code)) return cause;
  return new DataFileError(`cannot be used: ${cause.message}`, { cause });
}
