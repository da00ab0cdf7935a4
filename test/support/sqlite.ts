/** Data files for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { OpenEngines } from '../../src/contracts/engines.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createMemoryRelay } from '../../src/memory/memory-relay.ts';
import type { Database } from '../../src/sqlite/database.ts';
import { openDataFile, type DataFileOptions } from '../../src/sqlite/data-file.ts';
import { openSqliteEngines } from '../../src/sqlite/sqlite-engines.ts';
import { manualClock } from './clock.ts';

/** Why tests of SQLite are skipped; `false` where they are not. */
export const SKIP_WITHOUT_SQLITE =
  process.getBuiltinModule('node:sqlite') === undefined && 'needs SQLite, which Node.js has built in from 22.13';

/** Declares the tests of a contract if this Node.js has SQLite. */
export function withSqlite(name: string, declare: () => void): void {
  if (SKIP_WITHOUT_SQLITE === false) declare();
  else test(name, { skip: SKIP_WITHOUT_SQLITE }, () => {});
}

/** A new directory, which is removed after the test. */
export function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'mcp-sqlite-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** What was logged: the level, the message, and the fields as they were. */
export type Logged = [level: 'warn' | 'error', message: string, fields: Readonly<Record<string, string>> | undefined];

/** A log that keeps what it is given. */
export function keepLog(): { lines: Logged[]; log: DataFileOptions['log'] } {
  const lines: Logged[] = [];
  return {
    lines,
    log: {
      warn: (message, fields) => void lines.push(['warn', message, fields]),
      error: (message, fields) => void lines.push(['error', message, fields]),
    },
  };
}

/** Opens a data file, in a new directory unless one is named. It is closed after the test. */
export function openDatabase(t: TestContext, options: Partial<DataFileOptions> = {}): Database {
  const database = openDataFile({ dataDir: temporaryDir(t), now: Date.now, log: keepLog().log, ...options });
  t.after(() => database.close());
  return database;
}

/** Opens the engines on a directory. They are closed after the test. */
export function openEngines(
  t: TestContext,
  dataDir: string,
  { clock = manualClock(), log = keepLog().log }: { clock?: Clock; log?: DataFileOptions['log'] } = {},
): OpenEngines {
  const engines = openSqliteEngines({ dataDir, idleMs: 1_800_000, clock, log, relay: createMemoryRelay() });
  t.after(() => engines.close());
  return engines;
}
