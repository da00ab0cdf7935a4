/** Keeps what has changed in the data file, with numbers that go on after a restart. */
import { InMemoryServerEventBus, type ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog, Changes } from '../contracts/change-log.ts';
import { MAX_URI_CHARS, subjectOf } from '../context/subscriptions.ts';
import type { Database } from './database.ts';

/** Options for {@link SqliteChangeLog}. */
export interface SqliteChangeLogOptions {
  database: Database;
  /** Most lists and resources whose last change is kept. @default 10,000 */
  maxChanges?: number;
  /** Receives the errors of listeners. */
  onerror?: (error: Error) => void;
}

/** The name of the number of the last change that was forgotten. */
const FORGOTTEN = 'forgotten change';

/** The change log in a data file. Only this process has the file, so its listeners are all there are. */
export class SqliteChangeLog implements ChangeLog {
  readonly #database: Database;
  readonly #maxChanges: number;
  readonly #bus: InMemoryServerEventBus;
  readonly #queries: ReturnType<typeof prepareQueries>;
  #last: number;
  #count: number;
  /** The number of the last change that was forgotten, and whether the file says so. */
  #forgotten: number;
  #isForgottenKept = true;

  constructor({ database, maxChanges = 10_000, onerror }: SqliteChangeLogOptions) {
    this.#database = database;
    this.#maxChanges = maxChanges;
    this.#bus = new InMemoryServerEventBus(onerror);
    this.#queries = prepareQueries(database);
    const { last = 0, count = 0, told = 0 } = this.#queries.all.get() ?? {};
    this.#count = count;
    this.#forgotten = this.#queries.forgotten.get(FORGOTTEN)?.value ?? 0;
    this.#last = Math.max(last, this.#forgotten);
    // A change that clients were told of is not in the file: the disk was full. Its number must not be another's.
    if (told > this.#last) this.#forget(told);
  }

  get last(): number {
    return this.#last;
  }

  publish(event: ServerEvent): void {
    this.#keep(event);
    this.#bus.publish(event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    return this.#bus.subscribe(listener);
  }

  async since(number: number): Promise<Changes> {
    const rows = this.#database.read(() => this.#queries.since.all(number));
    return {
      events: rows.map(({ event }) => JSON.parse(event) as ServerEvent),
      isComplete: number >= this.#forgotten && number <= this.#last,
    };
  }

  /** Writes down that a change could not be kept, if that was so. */
  flush(): void {
    if (this.#isForgottenKept) return;
    this.#database.write(() => this.#queries.setForgotten.run(FORGOTTEN, this.#forgotten));
    this.#isForgottenKept = true;
  }

  #keep(event: ServerEvent): void {
    // No session can have subscribed to it. Tools may notify of whatever URIs their callers make up.
    if (event.kind === 'resource_updated' && event.uri.length > MAX_URI_CHARS) return;
    const number = this.#last + 1;
    try {
      this.flush();
      const { count, forgotten } = this.#database.write(() => this.#write(number, event));
      this.#count = count;
      this.#forgotten = forgotten;
      this.#last = number;
    } catch {
      // The database has logged it. Whoever has not heard of it is told that anything may have changed.
      this.#forget(number);
    }
  }

  #write(number: number, event: ServerEvent): { count: number; forgotten: number } {
    const { remove, add, removeOldest, setForgotten } = this.#queries;
    const subject = subjectOf(event);
    const count = this.#count + 1 - remove.run(subject);
    add.run(subject, number, JSON.stringify(event));
    const [oldest] = count > this.#maxChanges ? removeOldest.all() : [];
    if (!oldest) return { count, forgotten: this.#forgotten };
    setForgotten.run(FORGOTTEN, oldest.number);
    return { count: count - 1, forgotten: oldest.number };
  }

  /** Forgets all changes up to one. */
  #forget(number: number): void {
    this.#last = number;
    this.#forgotten = number;
    this.#isForgottenKept = false;
  }
}

function prepareQueries(database: Database) {
  return {
    all: database.prepare<{ last: number; count: number; told: number }>(
      `SELECT coalesce(max(number), 0) AS last, count(*) AS count,
         max((SELECT coalesce(max(told_change), 0) FROM sessions), (SELECT coalesce(max(told), 0) FROM streams)) AS told
       FROM changes`,
    ),
    forgotten: database.prepare<{ value: number }>('SELECT value FROM numbers WHERE name = ?'),
    setForgotten: database.prepare('INSERT OR REPLACE INTO numbers VALUES (?, ?)'),
    since: database.prepare<{ event: string }>('SELECT event FROM changes WHERE number > ? ORDER BY number'),
    remove: database.prepare('DELETE FROM changes WHERE subject = ?'),
    add: database.prepare('INSERT INTO changes VALUES (?, ?, ?)'),
    removeOldest: database.prepare<{ number: number }>(
      'DELETE FROM changes WHERE number = (SELECT min(number) FROM changes) RETURNING number',
    ),
  };
}
