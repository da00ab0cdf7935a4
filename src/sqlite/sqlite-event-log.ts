/** Keeps the event log in the data file. */
import { setImmediate } from 'node:timers/promises';
import { EVENT_LOG_BOUNDS, type EventLogBounds } from '../contracts/event-log.ts';
import type { AppendOptions, EventLog, Held, LaterEvents, LoggedEvent } from '../contracts/event-log.ts';
import { parseEventId, type EventId } from '../contracts/event-id.ts';
import { Followers, type Follower } from '../contracts/followers.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from './database.ts';
import { debtOf, EventRows, type LogRow, type StreamRow } from './event-rows.ts';
import { UseTimes } from './use-times.ts';

/**
 * Options for {@link SqliteEventLog}. The bounds that are left out are those of `EVENT_LOG_BOUNDS`. Bytes are counted as in
 * memory, although a file needs about half of them.
 */
export interface SqliteEventLogOptions extends Partial<EventLogBounds> {
  database: Database;
  clock: Pick<Clock, 'now'>;
  /** Most bytes of all sessions together. @default 64 MiB */
  maxBytes?: number;
}

/** How many sessions and streams are forgotten in one transaction, during which the event loop stands still. */
const PAGE_SIZE = 100;
/** A holder in the row of a stream. */
const heldBy = (holder: string) => `=${holder}`;

/** The event log in a data file. */
export class SqliteEventLog implements EventLog {
  readonly #options: Required<SqliteEventLogOptions>;
  readonly #rows: EventRows;
  readonly #times: UseTimes;
  readonly #followers = new Followers();

  constructor(options: SqliteEventLogOptions) {
    const { database } = options;
    this.#options = {
      ...EVENT_LOG_BOUNDS,
      maxBytes: 64 * 1024 * 1024,
      ...options,
    };
    this.#rows = new EventRows(database);
    this.#times = new UseTimes({
      database,
      sql: 'UPDATE logs SET used_at = ? WHERE session = ?',
      keptMs: this.#options.maxAgeMs,
    });
  }

  /** How many bytes there are, as the bounds count them. */
  bytes(): number {
    return this.#rows.bytes;
  }

  async append(
    sessionId: string,
    streamId: string,
    data: string | undefined,
    options: AppendOptions = {},
  ): Promise<string | undefined> {
    this.#pruneSome();
    const appended = this.#write(() => {
      if (isRefused(this.#findStream(sessionId, streamId)?.stream, options)) return undefined;
      const log = this.#addLog(sessionId);
      const id = this.#addEvent(log, this.#rows.addStream(log, streamId), data, options);
      return { id, usedAt: log.used_at };
    });
    if (!appended) return undefined;
    this.#times.set(sessionId, this.#options.clock.now(), appended.usedAt);
    this.#makeRoomForAll();
    this.#followers.wake(sessionId, streamId);
    return appended.id;
  }

  async end(sessionId: string, streamId: string): Promise<void> {
    const hasEnded = this.#write(() => {
      const found = this.#findStream(sessionId, streamId);
      if (!found || found.stream.ended_at !== null) return false;
      this.#rows.endStream(found.stream, this.#options.clock.now());
      this.#makeRoomOf(found.log, found.stream);
      return true;
    });
    if (!hasEnded) return;
    this.#makeRoomForAll();
    this.#followers.wake(sessionId, streamId);
  }

  async after(sessionId: string, eventId: string): Promise<LaterEvents | undefined> {
    return this.#options.database.read(() => {
      const from = parseEventId(eventId);
      const found = from && this.#findStream(sessionId, from.streamId);
      if (!found || !isOf(found.log, from)) return undefined;
      return {
        streamId: from.streamId,
        events: this.#rows.eventsAfter(found.log, found.stream, from.number),
        isComplete: from.number >= found.stream.lost,
        hasEnded: found.stream.ended_at !== null,
        owed: debtOf(found.stream),
      };
    });
  }

  async hold(sessionId: string, streamId: string, holder: string, eventId?: string): Promise<Held | undefined> {
    const from = eventId === undefined ? undefined : parseEventId(eventId);
    const held = this.#write(() => {
      const found = this.#findStream(sessionId, streamId);
      if (eventId !== undefined && !(found && from && canTellAll(found, from))) {
        if (found) this.#rows.saveStream({ ...found.stream, holder: null, taken: 0, told: 0 });
        return undefined;
      }
      const log = this.#addLog(sessionId);
      const stream = this.#rows.addStream(log, streamId);
      const taken = from?.number ?? stream.taken;
      this.#rows.saveStream({ ...stream, taken, holder: heldBy(holder) });
      this.#rows.saveLog(log);
      return { told: stream.told, taken, usedAt: log.used_at };
    });
    if (held) this.#times.set(sessionId, this.#options.clock.now(), held.usedAt);
    this.#followers.wake(sessionId, streamId);
    return held && { told: held.told, taken: held.taken };
  }

  async take(sessionId: string, streamId: string, holder: string, after?: number): Promise<LoggedEvent[] | undefined> {
    const found = this.#options.database.read(() => this.#findStream(sessionId, streamId));
    if (found?.stream.holder !== heldBy(holder)) return undefined;
    const { log, stream } = found;
    const taken = after ?? stream.taken;
    if (taken >= stream.last) return [];
    return this.#write(() => {
      this.#rows.saveStream({ ...stream, taken: stream.last });
      return this.#rows.eventsAfter(log, stream, taken);
    });
  }

  async follow(sessionId: string, listener: Follower): Promise<() => void> {
    return this.#followers.add(sessionId, listener);
  }

  async touch(sessionId: string): Promise<void> {
    const { log: find } = this.#rows.queries;
    const log = this.#options.database.read(() => find.get(sessionId));
    if (log) this.#times.set(sessionId, this.#options.clock.now(), log.used_at);
  }

  async delete(sessionId: string): Promise<void> {
    const { log: find } = this.#rows.queries;
    const log = this.#options.database.read(() => find.get(sessionId));
    if (log) this.#write(() => this.#rows.removeLog(log));
    this.#times.delete(sessionId);
  }

  async prune(): Promise<void> {
    // Requests are answered in between.
    while (this.#pruneSome()) await setImmediate();
  }

  /** Writes the times of use that are not in the file yet. */
  flush(): void {
    this.#times.flush();
  }

  /** Runs a transaction that may change how many bytes there are. */
  #write<T>(work: () => T): T {
    const { bytes } = this.#rows;
    try {
      return this.#options.database.write(work);
    } catch (error) {
      this.#rows.bytes = bytes;
      throw error;
    }
  }

  #find(sessionId: string): LogRow | undefined {
    const log = this.#rows.queries.log.get(sessionId);
    return log && this.#times.of(sessionId, log.used_at) > this.#deadline() ? log : undefined;
  }

  #findStream(sessionId: string, streamId: string): Found | undefined {
    const log = this.#find(sessionId);
    const stream = log && this.#rows.queries.stream.get(log.number, streamId);
    const isOver = (stream?.ended_at ?? Infinity) <= this.#deadline();
    return stream && !isOver ? { log, stream } : undefined;
  }

  #addLog(sessionId: string): LogRow {
    const known = this.#rows.queries.log.get(sessionId);
    // It has expired, but it is not forgotten yet.
    if (known && !this.#find(sessionId)) this.#rows.removeLog(known);
    return this.#rows.addLog(sessionId, this.#options.clock.now());
  }

  #addEvent(log: LogRow, stream: StreamRow, data: string | undefined, options: AppendOptions): string {
    const { mayBeLost = false, owes, settles, told = 0 } = options;
    const { maxEventsPerStream, maxBytesPerStream } = this.#options;
    const debt = debtOf(stream) ?? owes;
    if (debt) {
      stream.owed_by = debt.node;
      stream.owed_calls = JSON.stringify(debt.calls.filter((call) => call !== settles));
    }
    stream.told = Math.max(stream.told, told);
    const id = this.#rows.addEvent(log, stream, data, mayBeLost);
    let isTooLarge = true;
    while (isTooLarge && (stream.events > maxEventsPerStream || stream.bytes > maxBytesPerStream)) {
      isTooLarge = this.#rows.loseEvent(log, stream);
    }
    this.#makeRoomOf(log, stream);
    return id;
  }

  /** Saves a session and a stream of it that has grown or ended, after removing what is in excess of the session's bytes. */
  #makeRoomOf(log: LogRow, growing: StreamRow): void {
    const { maxBytesPerSession } = this.#options;
    while (log.bytes > maxBytesPerSession) {
      const [first, second] = this.#rows.queries.endedOfLog.all(log.number);
      if (!first || !second) break;
      this.#rows.removeStream(log, first);
    }
    while (log.bytes > maxBytesPerSession && this.#rows.loseEvent(log, growing));
    this.#rows.saveStream(growing);
    this.#rows.saveLog(log);
  }

  /** Removes the least valuable events first, until all together keep their bound. */
  #makeRoomForAll(): void {
    if (this.#rows.bytes <= this.#options.maxBytes) return;
    try {
      this.#times.flush();
      this.#write(() => {
        while (this.#isFull && this.#rows.removeEnded(Infinity));
        while (this.#isFull && this.#rows.loseEvents());
        while (this.#isFull && this.#rows.removeLeastUsed(Infinity));
      });
    } catch {
      // What was appended is kept. The database has logged why, and the next call makes room.
    }
  }

  get #isFull(): boolean {
    return this.#rows.bytes > this.#options.maxBytes;
  }

  /** Forgets some of what has expired. Returns whether there is more. */
  #pruneSome(): boolean {
    const deadline = this.#deadline();
    const { logsByUse, ended } = this.#rows.queries;
    const isDue = this.#options.database.read(
      () => (logsByUse.get()?.used_at ?? Infinity) <= deadline || (ended.get()?.ended_at ?? Infinity) <= deadline,
    );
    if (!isDue) return false;
    this.#times.flush();
    return this.#write(() => {
      for (let count = 0; count < PAGE_SIZE; count += 1) {
        if (!this.#rows.removeLeastUsed(deadline) && !this.#rows.removeEnded(deadline)) return false;
      }
      return true;
    });
  }

  #deadline(): number {
    return this.#options.clock.now() - this.#options.maxAgeMs;
  }
}

interface Found {
  log: LogRow;
  stream: StreamRow;
}

function isRefused(stream: StreamRow | undefined, { owes, settles, holder }: AppendOptions): boolean {
  if (stream && stream.ended_at !== null) return true;
  const owed = (stream && debtOf(stream)) ?? owes;
  if (settles !== undefined && !owed?.calls.includes(settles)) return true;
  return holder !== undefined && stream?.holder !== heldBy(holder);
}

function isOf(log: LogRow, { tag, number }: EventId): boolean {
  return tag === log.tag && number <= log.last;
}

function canTellAll({ log, stream }: Found, from: EventId): boolean {
  return isOf(log, from) && from.streamId === stream.id && from.number >= stream.lost;
}
