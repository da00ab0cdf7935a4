/** Keeps the event log in the data file. */
import { setImmediate } from 'node:timers/promises';
import type { AppendOptions, EventLog, Held, LaterEvents, LoggedEvent } from '../contracts/event-log.ts';
import { parseEventId } from '../contracts/event-id.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from './database.ts';
import { debtOf, EventRows, type LogRow, type StreamRow } from './event-rows.ts';
import { UseTimes } from './use-times.ts';

/** Options for {@link SqliteEventLog}. Bytes are counted as in memory, although a file needs about half of them. */
export interface SqliteEventLogOptions {
  database: Database;
  clock: Pick<Clock, 'now'>;
  /** Most events of one stream. Only those that may be lost go. @default 1000 */
  maxEventsPerStream?: number;
  /** Most bytes of one stream. Only events that may be lost go. @default 1 MiB */
  maxBytesPerStream?: number;
  /** Most bytes of one session. Streams that have ended go first, but never the last of them; then events that may be lost, of the stream that grows. @default 4 MiB */
  maxBytesPerSession?: number;
  /** Most bytes of all sessions together. @default 64 MiB */
  maxBytes?: number;
  /** How long a stream that has ended is kept, and a session that is not used, in milliseconds. @default 5 minutes */
  maxAgeMs?: number;
}

/** By how much the time of use in the file may lag behind: 30 s, or a tenth of a short age. */
const MAX_DELAY_MS = 30_000;
/** How many sessions and streams are forgotten in one transaction, during which the event loop stands still. */
const PAGE_SIZE = 100;

/** The event log in a data file. */
export class SqliteEventLog implements EventLog {
  readonly #options: Required<SqliteEventLogOptions>;
  readonly #rows: EventRows;
  readonly #times: UseTimes;
  readonly #followers = new Map<string, Set<(streamId: string) => void>>();

  constructor(options: SqliteEventLogOptions) {
    const { database } = options;
    this.#options = {
      maxEventsPerStream: 1000,
      maxBytesPerStream: 1024 * 1024,
      maxBytesPerSession: 4 * 1024 * 1024,
      maxBytes: 64 * 1024 * 1024,
      maxAgeMs: 5 * 60_000,
      ...options,
    };
    this.#rows = new EventRows(database);
    this.#times = new UseTimes({
      database,
      sql: 'UPDATE logs SET used_at = ? WHERE session = ?',
      maxDelayMs: Math.min(MAX_DELAY_MS, this.#options.maxAgeMs / 10),
    });
  }

  async append(
    sessionId: string,
    streamId: string,
    data: string | undefined,
    options: AppendOptions = {},
  ): Promise<string | undefined> {
    this.#pruneSome();
    const appended = this.#write(() => {
      const known = this.#find(sessionId);
      if (isRefused(known && this.#rows.queries.stream.get(known.number, streamId), options)) return undefined;
      const log = this.#addLog(sessionId);
      const id = this.#addEvent(log, this.#rows.addStream(log, streamId), data, options);
      return { id, usedAt: log.used_at };
    });
    if (!appended) return undefined;
    this.#times.set(sessionId, this.#options.clock.now(), appended.usedAt);
    this.#makeRoomForAll();
    this.#tell(sessionId, streamId);
    return appended.id;
  }

  async end(sessionId: string, streamId: string): Promise<void> {
    const hasEnded = this.#write(() => {
      const log = this.#find(sessionId);
      const stream = log && this.#rows.queries.stream.get(log.number, streamId);
      if (!log || !stream || stream.ended_at !== null) return false;
      this.#rows.endStream(stream, this.#options.clock.now());
      this.#makeRoomOf(log, stream);
      return true;
    });
    if (!hasEnded) return;
    this.#makeRoomForAll();
    this.#tell(sessionId, streamId);
  }

  async after(sessionId: string, eventId: string): Promise<LaterEvents | undefined> {
    return this.#options.database.read(() => {
      const parsed = parseEventId(eventId);
      const log = this.#find(sessionId);
      const stream = log && parsed && this.#rows.queries.stream.get(log.number, parsed.streamId);
      if (!stream || parsed.tag !== log.tag || parsed.number > log.last || this.#isOver(stream)) return undefined;
      return {
        streamId: stream.id,
        events: this.#rows.eventsAfter(log, stream, parsed.number),
        isComplete: parsed.number >= stream.lost,
        hasEnded: stream.ended_at !== null,
        owed: debtOf(stream),
      };
    });
  }

  async hold(sessionId: string, streamId: string, holder: string, eventId?: string): Promise<Held | undefined> {
    const held = this.#write(() => {
      const from = eventId === undefined ? undefined : parseEventId(eventId);
      const known = this.#find(sessionId);
      const stream = known && this.#rows.queries.stream.get(known.number, streamId);
      if (eventId !== undefined && !(known && stream && from && canTellAll(known, stream, from))) {
        if (stream) this.#rows.saveStream({ ...stream, holder: null, taken: 0, told: 0 });
        return undefined;
      }
      const log = this.#addLog(sessionId);
      const { taken, ...row } = stream ?? this.#rows.addStream(log, streamId);
      this.#rows.saveStream({ ...row, taken: from?.number ?? taken, holder });
      this.#rows.saveLog(log);
      return { told: row.told, usedAt: log.used_at };
    });
    if (held) this.#times.set(sessionId, this.#options.clock.now(), held.usedAt);
    this.#tell(sessionId, streamId);
    return held && { told: held.told };
  }

  async take(sessionId: string, streamId: string, holder: string): Promise<LoggedEvent[] | undefined> {
    const known = this.#options.database.read(() => {
      const log = this.#find(sessionId);
      return log && this.#rows.queries.stream.get(log.number, streamId);
    });
    if (known && known.holder !== null && known.holder !== holder) return undefined;
    if (known?.holder === holder && known.taken >= known.last) return [];
    return this.#write(() => {
      const log = this.#addLog(sessionId);
      const stream = this.#rows.addStream(log, streamId);
      this.#rows.saveStream({ ...stream, holder, taken: Math.max(stream.last, stream.taken) });
      this.#rows.saveLog(log);
      return this.#rows.eventsAfter(log, stream, stream.taken);
    });
  }

  async follow(sessionId: string, listener: (streamId: string) => void): Promise<() => void> {
    const followers = this.#followers.get(sessionId) ?? new Set();
    this.#followers.set(sessionId, followers);
    // A function of its own, since the same one may follow twice.
    const follower = (streamId: string) => listener(streamId);
    followers.add(follower);
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(sessionId) === followers) this.#followers.delete(sessionId);
    };
  }

  async touch(sessionId: string): Promise<void> {
    const log = this.#options.database.read(() => this.#find(sessionId));
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

  #addLog(sessionId: string): LogRow {
    const known = this.#rows.queries.log.get(sessionId);
    // It has expired, but it is not forgotten yet.
    if (known && !this.#find(sessionId)) this.#rows.removeLog(known);
    return this.#rows.addLog(sessionId, this.#options.clock.now());
  }

  #addEvent(log: LogRow, stream: StreamRow, data: string | undefined, options: AppendOptions): string {
    const { mayBeLost = false, owes, settles, told = 0 } = options;
    const { maxEventsPerStream, maxBytesPerStream } = this.#options;
    const debt = stream.last === 0 ? owes : debtOf(stream);
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
        while (this.#isFull && this.#removeEnded(Infinity));
        while (this.#isFull && this.#loseEvents());
        while (this.#isFull && this.#removeLeastUsed(Infinity));
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
        if (!this.#removeLeastUsed(deadline) && !this.#removeEnded(deadline)) return false;
      }
      return true;
    });
  }

  /** Removes the stream that ended first, if it did by `deadline`. Returns whether it has. */
  #removeEnded(deadline: number): boolean {
    const { ended, logOf } = this.#rows.queries;
    const stream = ended.get();
    const log = stream && logOf.get(stream.number);
    if (!log || (stream.ended_at ?? 0) > deadline) return false;
    this.#rows.removeStream(log, stream);
    this.#rows.saveLog(log);
    return true;
  }

  /** Removes all events that may be lost of one stream. Returns whether there was one. */
  #loseEvents(): boolean {
    const { losable, logOf } = this.#rows.queries;
    const stream = losable.get();
    const log = stream && logOf.get(stream.number);
    if (!log) return false;
    while (this.#rows.loseEvent(log, stream));
    this.#rows.saveStream(stream);
    this.#rows.saveLog(log);
    return true;
  }

  /** Removes the session that was not used for longest, if it was not since `deadline`. Returns whether it has. */
  #removeLeastUsed(deadline: number): boolean {
    const log = this.#rows.queries.logsByUse.get();
    if (!log || log.used_at > deadline) return false;
    this.#rows.removeLog(log);
    this.#times.delete(log.session);
    return true;
  }

  /** Whether a stream ended so long ago that it counts as forgotten. */
  #isOver({ ended_at: endedAt }: StreamRow): boolean {
    return endedAt !== null && endedAt <= this.#deadline();
  }

  #deadline(): number {
    return this.#options.clock.now() - this.#options.maxAgeMs;
  }

  #tell(sessionId: string, streamId: string): void {
    for (const follower of this.#followers.get(sessionId) ?? []) follower(streamId);
  }
}

function isRefused(stream: StreamRow | undefined, { holder, owes, settles }: AppendOptions): boolean {
  if (stream && stream.ended_at !== null) return true;
  if (holder !== undefined && stream && stream.holder !== null && stream.holder !== holder) return true;
  if (settles === undefined) return false;
  const debt = stream && stream.last > 0 ? debtOf(stream) : owes;
  return !debt?.calls.includes(settles);
}

function canTellAll(
  log: LogRow,
  stream: StreamRow,
  from: { tag: string; number: number; streamId: string },
): boolean {
  const isOfStream = from.tag === log.tag && from.streamId === stream.id;
  return isOfStream && from.number <= log.last && from.number >= stream.lost;
}
