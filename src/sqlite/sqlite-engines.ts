/** The engines of a process that has a data file: everything that must outlive it, on one machine. */
import { sessionScope } from '../context/state.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import type { Relay } from '../contracts/relay.ts';
import type { Clock } from '../lib/clock.ts';
import { UnavailableError } from '../lib/unavailable-error.ts';
import type { Database, DatabaseLog } from './database.ts';
import { openDataFile } from './data-file.ts';
import { SqliteChangeLog } from './sqlite-change-log.ts';
import { SqliteEventLog } from './sqlite-event-log.ts';
import { SqliteSessionStore } from './sqlite-session-store.ts';
import { SqliteStateStore } from './sqlite-state-store.ts';

/** Options for {@link openSqliteEngines}. */
export interface SqliteEnginesOptions {
  /** The directory of the data file. It is created, for its owner alone, if it does not exist. */
  dataDir: string;
  /** How long an unused session is kept, in milliseconds. */
  idleMs: number;
  clock: Pick<Clock, 'now' | 'every'>;
  log: DatabaseLog;
  /** That of a process that is alone: no other has the file. */
  relay: Relay;
}

/** How often times of use are written, and a file that could not be written is tried again. */
const FLUSH_MS = 1000;

/**
 * Opens the engines. They need Node.js 22.13 or later.
 *
 * @throws `DataFileError` if the file cannot be opened, with what to do about it.
 */
export function openSqliteEngines({ dataDir, idleMs, clock, log, relay }: SqliteEnginesOptions): OpenEngines {
  const database = openDataFile({ dataDir, now: clock.now, log });
  removeOrphans(database);
  const onerror = (error: Error) => log.error('a listener of changes failed', { error: error.message });
  const sessionStore = new SqliteSessionStore({ database, idleMs, clock });
  const eventLog = new SqliteEventLog({ database, clock });
  const changes = new SqliteChangeLog({ database, onerror });
  const stateStore = new SqliteStateStore({ database, clock });

  function flush(): void {
    for (const engine of [sessionStore, eventLog, changes]) {
      try {
        engine.flush();
      } catch {
        // The database has logged it. The next flush tries again.
      }
    }
  }

  const stopFlushing = clock.every(FLUSH_MS, () => {
    database.probe();
    flush();
  });
  return {
    sessionStore,
    eventLog,
    changes,
    stateStore,
    relay,
    isAvailable: () => database.isAvailable,
    async close() {
      stopFlushing();
      flush();
      database.close();
    },
  };
}

/** Removes what was kept for sessions whose record is gone: the process was killed while it ended them. */
function removeOrphans(database: Database): void {
  const prefix = sessionScope('');
  const scopes = database.prepare(
    'DELETE FROM state WHERE substr(scope, 1, ?) = ? AND substr(scope, ?) NOT IN (SELECT id FROM sessions)',
  );
  const logs = database.prepare('DELETE FROM logs WHERE session NOT IN (SELECT id FROM sessions)');
  try {
    database.write(() => {
      scopes.run(prefix.length, prefix, prefix.length + 1);
      logs.run();
    });
  } catch (error) {
    // The disk is full. They stay until the next start, and keep no session from being used.
    if (!(error instanceof UnavailableError)) throw error;
  }
}
