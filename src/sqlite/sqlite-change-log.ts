/**
 * Keeps what has changed in the data file, with numbers that go on after a restart.
 *
 * Tools may publish a change in every call, so that not each is a transaction of its own: the first one is written at once,
 * with a note that more may follow, and those that do within a second are written together. If the process is killed in the
 * meantime, the next one finds the note, and says that anything may have changed.
 */
import { InMemoryServerEventBus, type ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog, Changes } from '../contracts/change-log.ts';
import { isKept, subjectOf } from '../context/subscriptions.ts';
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
/** The name of the note that changes may follow that are not in the file: 1, or 0. */
const MORE = 'more changes';

/** The change log in a data file. Only this process has the file, so its listeners are all there are. */
export class SqliteChangeLog implements ChangeLog {
  readonly #database: Database;
  readonly #maxChanges: number;
  readonly #bus: InMemoryServerEventBus;
  readonly #queries: ReturnType<typeof prepareQueries>;
  /** The last change of each list and resource that is not in the file yet, in the order of their numbers. */
  readonly #unwritten = new Map<string, { number: number; event: ServerEvent }>();
  #last: number;
  #count: number;
  /** The number of the last change that was forgotten. */
  #forgotten: number;
  /** Whether the file has the note. */
  #isNoted = false;

  constructor({ database, maxChanges = 10_000, onerror }: SqliteChangeLogOptions) {
    this.#database = database;
    this.#maxChanges = maxChanges;
    this.#bus = new InMemoryServerEventBus(onerror);
    this.#queries = prepareQueries(database);
    const { last = 0, count = 0, told = 0 } = this.#queries.all.get() ?? {};
    const number = (name: string) => this.#queries.number.get(name)?.value ?? 0;
    this.#count = count;
    this.#forgotten = number(FORGOTTEN);
    this.#last = Math.max(last, this.#forgotten, told);
    this.#isNoted = number(MORE) === 1;
    // No number may be given twice that a client was told of, even if its change did not get into the file.
    if (this.#isNoted) this.#last += 1;
    if (this.#isNoted || told > last) this.#forgotten = this.#last;
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
    this.#writeIfPossible(false);
    const rows = this.#database.read(() => this.#queries.since.all(number));
    const written = rows.filter(({ subject }) => !this.#unwritten.has(subject));
    const unwritten = [...this.#unwritten.values()].filter((change) => change.number > number);
    return {
      events: [...written.map(({ event }) => JSON.parse(event) as ServerEvent), ...unwritten.map(({ event }) => event)],
      isComplete: number >= this.#forgotten && number <= this.#last,
      last: this.#last,
    };
  }

  /** Writes the changes that are not in the file yet. Call it every second. */
  flush(): void {
    if (this.#isNoted || this.#unwritten.size > 0) this.#write(false);
  }

  #keep(event: ServerEvent): void {
    if (!isKept(event)) return;
    const subject = subjectOf(event);
    this.#last += 1;
    this.#unwritten.delete(subject);
    this.#unwritten.set(subject, { number: this.#last, event });
    if (!this.#isNoted || this.#unwritten.size >= this.#maxChanges) this.#writeIfPossible(true);
    if (this.#unwritten.size <= this.#maxChanges) return;
    // The file cannot be written. Whoever has not heard of them is told that anything may have changed.
    this.#unwritten.clear();
    this.#forgotten = this.#last;
  }

  #writeIfPossible(mayMoreFollow: boolean): void {
    try {
      if (mayMoreFollow) this.#write(true);
      else this.flush();
    } catch {
      // The database has logged it. The changes stay in memory until they can be written.
    }
  }

  #write(mayMoreFollow: boolean): void {
    const { remove, add, removeOldest, setNumber } = this.#queries;
    const { count, forgotten } = this.#database.write(() => {
      let size = this.#count;
      for (const [subject, { number, event }] of this.#unwritten) {
        size += 1 - remove.run(subject);
        add.run(subject, number, JSON.stringify(event));
      }
      const tooMany = removeOldest.all(Math.max(size - this.#maxChanges, 0)).map(({ number }) => number);
      const lost = Math.max(this.#forgotten, ...tooMany);
      setNumber.run(FORGOTTEN, lost);
      setNumber.run(MORE, Number(mayMoreFollow));
      return { count: size - tooMany.length, forgotten: lost };
    });
    this.#count = count;
    this.#forgotten = forgotten;
    this.#isNoted = mayMoreFollow;
    this.#unwritten.clear();
  }
}

function prepareQueries(database: Database) {
  return {
    all: database.prepare<{ last: number; count: number; told: number }>(
      `SELECT coalesce(max(number), 0) AS last, count(*) AS count,
         max((SELECT coalesce(max(told_change), 0) FROM sessions), (SELECT coalesce(max(told), 0) FROM streams)) AS told
       FROM changes`,
    ),
    number: database.prepare<{ value: number }>('SELECT value FROM numbers WHERE name = ?'),
    setNumber: database.prepare('INSERT OR REPLACE INTO numbers VALUES (?, ?)'),
    since: database.prepare<{ subject: string; event: string }>(
      'SELECT subject, event FROM changes WHERE number > ? ORDER BY number',
    ),
    remove: database.prepare('DELETE FROM changes WHERE subject = ?'),
    add: database.prepare('INSERT INTO changes VALUES (?, ?, ?)'),
    removeOldest: database.prepare<{ number: number }>(
      'DELETE FROM changes WHERE number IN (SELECT number FROM changes ORDER BY number LIMIT ?) RETURNING number',
    ),
  };
}
