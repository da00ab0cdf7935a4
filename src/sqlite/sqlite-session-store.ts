/** Keeps session records in the data file. */
import type { LoggingLevel } from '@modelcontextprotocol/server';
import {
  changedRecord,
  type SessionChanges,
  type SessionRecord,
  type SessionStore,
} from '../contracts/session-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from './database.ts';
import { UseTimes } from './use-times.ts';

/** Options for {@link SqliteSessionStore}. */
export interface SqliteSessionStoreOptions {
  database: Database;
  /** How long an unused record is kept, in milliseconds. */
  idleMs: number;
  clock: Pick<Clock, 'now'>;
}

interface Row {
  id: string;
  principal: string;
  created_at: number;
  initialize: string;
  initialized: number;
  log_level: LoggingLevel | null;
  subscriptions: string;
  told_change: number;
  version: number;
  used_at: number;
}

/** The session records in a data file. It does not limit their number; `sessions/session-caps.ts` does. */
export class SqliteSessionStore implements SessionStore {
  readonly #options: SqliteSessionStoreOptions;
  readonly #times: UseTimes;
  readonly #queries: ReturnType<typeof prepareQueries>;
  /** How many records each principal has, those that have expired and that nobody has taken included. */
  readonly #counts = new Map<string, number>();
  #count = 0;

  constructor(options: SqliteSessionStoreOptions) {
    const { database, idleMs } = options;
    this.#options = options;
    this.#queries = prepareQueries(database);
    this.#times = new UseTimes({
      database,
      sql: 'UPDATE sessions SET used_at = ? WHERE id = ?',
      keptMs: idleMs,
    });
    for (const { principal, count } of this.#queries.counts.all()) this.#add(principal, count);
  }

  async create(record: SessionRecord): Promise<void> {
    const { id, createdAt, initialize, initialized, logLevel = null, subscriptions, toldChange, version } = record;
    const principal = JSON.stringify(record.principal);
    const what = [Number(initialized), logLevel, JSON.stringify(subscriptions), toldChange, version] as const;
    const replaced = this.#options.database.write(() => {
      const before = this.#queries.delete.all(id);
      this.#queries.insert.run(id, principal, createdAt, initialize, ...what, this.#now());
      return before;
    });
    this.#forget(replaced);
    this.#add(principal, 1);
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    const row = this.#find(id);
    return row && recordOf(row);
  }

  async use(id: string, principal: string): Promise<SessionRecord | undefined> {
    const row = this.#find(id);
    const record = row && recordOf(row);
    if (record?.principal !== principal) return undefined;
    this.#times.set(id, this.#now(), row?.used_at ?? 0);
    return record;
  }

  async touch(id: string): Promise<number | undefined> {
    const row = this.#find(id);
    if (row) this.#times.set(id, this.#now(), row.used_at);
    return row?.version;
  }

  async update(id: string, changes: SessionChanges): Promise<number | undefined> {
    return this.#options.database.write(() => {
      const row = this.#find(id);
      if (!row) return undefined;
      const {
        initialized,
        logLevel = null,
        subscriptions,
        toldChange,
        version,
      } = changedRecord(recordOf(row), changes);
      this.#queries.update.run(Number(initialized), logLevel, JSON.stringify(subscriptions), toldChange, version, id);
      return version;
    });
  }

  async delete(id: string): Promise<boolean> {
    // One that has expired is for `takeExpired`.
    if (!this.#find(id)) return false;
    return this.#forget(this.#options.database.write(() => this.#queries.delete.all(id))).length > 0;
  }

  async takeExpired(limit: number): Promise<string[]> {
    const { database } = this.#options;
    if (database.read(() => this.#queries.countExpired.get(this.#deadline()))?.count === 0) return [];
    this.#times.flush();
    return this.#forget(database.write(() => this.#queries.takeExpired.all(this.#deadline(), limit)));
  }

  async count(principal?: string): Promise<number> {
    this.#times.flush();
    return this.#options.database.read(() => {
      if (principal === undefined) {
        return this.#count - (this.#queries.countExpired.get(this.#deadline())?.count ?? 0);
      }
      const owner = JSON.stringify(principal);
      const expired = this.#queries.countExpiredOf.get(this.#deadline(), owner)?.count ?? 0;
      return (this.#counts.get(owner) ?? 0) - expired;
    });
  }

  async leastRecentlyUsed(limit: number, principal?: string): Promise<string[]> {
    this.#times.flush();
    const { byUse, byUseOf } = this.#queries;
    const rows = this.#options.database.read(() =>
      principal === undefined
        ? byUse.all(this.#deadline(), limit)
        : byUseOf.all(this.#deadline(), JSON.stringify(principal), limit),
    );
    return rows.map(({ id }) => id);
  }

  /** Writes the times of use that are not in the file yet. */
  flush(): void {
    this.#times.flush();
  }

  #find(id: string): Row | undefined {
    const row = this.#options.database.read(() => this.#queries.find.get(id));
    return row && this.#times.of(id, row.used_at) > this.#deadline() ? row : undefined;
  }

  #forget(rows: { id: string; principal: string }[]): string[] {
    return rows.map(({ id, principal }) => {
      this.#add(principal, -1);
      this.#times.delete(id);
      return id;
    });
  }

  #add(principal: string, count: number): void {
    this.#count += count;
    const sum = (this.#counts.get(principal) ?? 0) + count;
    if (sum === 0) this.#counts.delete(principal);
    else this.#counts.set(principal, sum);
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** Records that were not used after this have expired. */
  #deadline(): number {
    return this.#now() - this.#options.idleMs;
  }
}

function prepareQueries(database: Database) {
  return {
    find: database.prepare<Row>('SELECT * FROM sessions WHERE id = ?'),
    insert: database.prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    update: database.prepare(
      'UPDATE sessions SET initialized = ?, log_level = ?, subscriptions = ?, told_change = ?, version = ? WHERE id = ?',
    ),
    delete: database.prepare<Owned>('DELETE FROM sessions WHERE id = ? RETURNING id, principal'),
    takeExpired: database.prepare<Owned>(
      `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE used_at <= ? ORDER BY used_at LIMIT ?)
       RETURNING id, principal`,
    ),
    counts: database.prepare<{ principal: string; count: number }>(
      'SELECT principal, count(*) AS count FROM sessions GROUP BY principal',
    ),
    countExpired: database.prepare<{ count: number }>('SELECT count(*) AS count FROM sessions WHERE used_at <= ?'),
    countExpiredOf: database.prepare<{ count: number }>(
      'SELECT count(*) AS count FROM sessions WHERE used_at <= ? AND principal = ?',
    ),
    byUse: database.prepare<{ id: string }>('SELECT id FROM sessions WHERE used_at > ? ORDER BY used_at LIMIT ?'),
    byUseOf: database.prepare<{ id: string }>(
      'SELECT id FROM sessions WHERE used_at > ? AND principal = ? ORDER BY used_at LIMIT ?',
    ),
  };
}

interface Owned {
  id: string;
  principal: string;
}

function recordOf(row: Row): SessionRecord {
  return {
    id: row.id,
    principal: JSON.parse(row.principal) as string,
    createdAt: row.created_at,
    initialize: row.initialize,
    initialized: row.initialized === 1,
    ...(row.log_level !== null && { logLevel: row.log_level }),
    subscriptions: JSON.parse(row.subscriptions) as string[],
    toldChange: row.told_change,
    version: row.version,
  };
}
