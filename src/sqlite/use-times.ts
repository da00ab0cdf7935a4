/**
 * When each of many things was last used, without writing to the file at each use.
 *
 * The times are kept in memory, and written when the kept one is old, when somebody asks for an order, every second, and
 * at the end. So a process that is killed can make a thing look as if it had been unused for longer, but only
 * by half a minute. What a call has changed is never written late: this is only about the time.
 */
import type { Database, Query } from './database.ts';

/** Options for {@link UseTimes}. */
export interface UseTimesOptions {
  database: Database;
  /** A statement with two parameters, the time and the id. */
  sql: string;
  /** How long a thing is kept without use, in milliseconds. The time in the file may lag behind by a tenth of that, but never by more than 30 s. */
  keptMs: number;
}

const MAX_DELAY_MS = 30_000;

/** Times of last use, in milliseconds since 1970. */
export class UseTimes {
  readonly #database: Database;
  readonly #maxDelayMs: number;
  readonly #update: Query<never>;
  /** Those that are not in the file yet. They are few: `flush` is called every second. */
  readonly #times = new Map<string, number>();

  constructor({ database, sql, keptMs }: UseTimesOptions) {
    this.#database = database;
    this.#maxDelayMs = Math.min(MAX_DELAY_MS, keptMs / 10);
    this.#update = database.prepare(sql);
  }

  /** When `id` was last used, if the file says `kept`. */
  of(id: string, kept: number): number {
    return this.#times.get(id) ?? kept;
  }

  /** Notes that `id` is used `now`; the file says `kept`. Never throws: a use is not refused because its time cannot be written. */
  set(id: string, now: number, kept: number): void {
    this.#times.set(id, now);
    if (now - kept < this.#maxDelayMs) return;
    try {
      this.flush();
    } catch {
      // The database has logged it. The times are written with the next flush that succeeds.
    }
  }

  /** Forgets `id`, which is not in its table any more. */
  delete(id: string): void {
    this.#times.delete(id);
  }

  /** Writes all times, so that the file is right. Must not be called within a transaction. */
  flush(): void {
    if (this.#times.size === 0) return;
    this.#database.write(() => {
      for (const [id, time] of this.#times) this.#update.run(time, id);
    });
    this.#times.clear();
  }
}
