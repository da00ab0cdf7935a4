/** Keeps what tools remember in the data file. */
import { STATE_BOUNDS, utf8Bytes, type StateBounds, type StateStore } from '../contracts/state-store.ts';
import type { StateWrite, StateWritten } from '../contracts/state-store.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from './database.ts';

/** Options for {@link SqliteStateStore}. The bounds that are left out are those of `STATE_BOUNDS`. */
export interface SqliteStateStoreOptions extends Partial<StateBounds> {
  database: Database;
  clock: Pick<Clock, 'now'>;
  /** Most bytes of all scopes together: their keys and values in UTF-8, and some for each value. @default 256 MiB */
  maxBytes?: number;
}

interface Row {
  /** Of its key and value, as `maxBytesPerScope` counts them. */
  bytes: number;
  value: string;
}

/** What a value takes in the file on top of its key and its JSON: its row, its time, and the name of a scope. */
const OVERHEAD_BYTES = 256;

/** The values in a data file. */
export class SqliteStateStore implements StateStore {
  readonly bounds: StateBounds;
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #maxBytes: number;
  readonly #queries: ReturnType<typeof prepareQueries>;
  /** As `maxBytes` counts them. */
  #bytes: number;

  constructor({ database, clock, maxBytes = 256 * 1024 * 1024, ...bounds }: SqliteStateStoreOptions) {
    this.bounds = { ...STATE_BOUNDS, ...bounds };
    this.#database = database;
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#queries = prepareQueries(database);
    const { values = 0, bytes = 0 } = this.#queries.all.get() ?? {};
    this.#bytes = heldBytes(values, bytes ?? 0);
  }

  async get(scope: string, key: string): Promise<string | undefined> {
    return this.#database.read(() => this.#find(scope, key)?.value);
  }

  async write(scope: string, key: string, write: StateWrite): Promise<StateWritten> {
    return this.#write(() => {
      this.#expire();
      const before = this.#find(scope, key);
      if (write.expected !== undefined && (before?.value ?? null) !== write.expected) return 'unexpected';
      const bytes = utf8Bytes(key) + utf8Bytes(write.value);
      const refusal = this.#refuse(scope, bytes, before);
      if (refusal) return refusal;
      const expiresAt = write.ttlMs === undefined ? null : this.#clock.now() + write.ttlMs;
      this.#queries.set.run(scope, JSON.stringify(key), bytes, expiresAt, write.value);
      this.#bytes += heldBytes(before ? 0 : 1, bytes - (before?.bytes ?? 0));
      return 'kept';
    });
  }

  async delete(scope: string, key: string): Promise<boolean> {
    if (this.#database.read(() => this.#find(scope, key)) === undefined) return false;
    return this.#write(() => this.#forget(this.#queries.delete.all(scope, JSON.stringify(key))) > 0);
  }

  async keys(scope: string): Promise<string[]> {
    const rows = this.#database.read(() => this.#queries.keys.all(scope, this.#clock.now()));
    return rows.map(({ key }) => JSON.parse(key) as string);
  }

  async clear(scope: string): Promise<void> {
    if (this.#database.read(() => this.#queries.any.get(scope))) {
      this.#write(() => this.#forget(this.#queries.clear.all(scope)));
    }
  }

  /** Runs a transaction that may change how many bytes there are. */
  #write<T>(work: () => T): T {
    const bytes = this.#bytes;
    try {
      return this.#database.write(work);
    } catch (error) {
      this.#bytes = bytes;
      throw error;
    }
  }

  #find(scope: string, key: string): Row | undefined {
    return this.#queries.get.get(scope, JSON.stringify(key), this.#clock.now());
  }

  #refuse(scope: string, bytes: number, before: Row | undefined): StateWritten | undefined {
    const { maxKeysPerScope, maxBytesPerScope } = this.bounds;
    const kept = this.#queries.scope.get(scope);
    if (!before && (kept?.values ?? 0) >= maxKeysPerScope) return 'tooManyKeys';
    const growth = bytes - (before?.bytes ?? 0);
    if ((kept?.bytes ?? 0) + growth > maxBytesPerScope) return 'tooManyBytes';
    return this.#bytes + heldBytes(before ? 0 : 1, growth) > this.#maxBytes ? 'full' : undefined;
  }

  /** Removes what has expired, in all scopes. */
  #expire(): void {
    const now = this.#clock.now();
    if (this.#queries.expired.get(now)) this.#forget(this.#queries.expire.all(now));
  }

  #forget(rows: { bytes: number }[]): number {
    for (const { bytes } of rows) this.#bytes -= heldBytes(1, bytes);
    return rows.length;
  }
}

function heldBytes(values: number, bytes: number): number {
  return values * OVERHEAD_BYTES + bytes;
}

/** How many values there are, and their bytes. */
interface Sum {
  values: number;
  bytes: number | null;
}

function prepareQueries(database: Database) {
  return {
    all: database.prepare<Sum>('SELECT count(*) AS "values", sum(bytes) AS bytes FROM state'),
    scope: database.prepare<Sum>('SELECT count(*) AS "values", sum(bytes) AS bytes FROM state WHERE scope = ?'),
    get: database.prepare<Row>(
      'SELECT bytes, value FROM state WHERE scope = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)',
    ),
    set: database.prepare('INSERT OR REPLACE INTO state (scope, key, bytes, expires_at, value) VALUES (?, ?, ?, ?, ?)'),
    delete: database.prepare<{ bytes: number }>('DELETE FROM state WHERE scope = ? AND key = ? RETURNING bytes'),
    keys: database.prepare<{ key: string }>(
      'SELECT key FROM state WHERE scope = ? AND (expires_at IS NULL OR expires_at > ?)',
    ),
    any: database.prepare('SELECT 1 FROM state WHERE scope = ? LIMIT 1'),
    clear: database.prepare<{ bytes: number }>('DELETE FROM state WHERE scope = ? RETURNING bytes'),
    expired: database.prepare('SELECT 1 FROM state WHERE expires_at <= ? LIMIT 1'),
    expire: database.prepare<{ bytes: number }>('DELETE FROM state WHERE expires_at <= ? RETURNING bytes'),
  };
}
