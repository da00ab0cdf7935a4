/**
 * The rows of the event log: one for each session, stream and event, and how many bytes they count for.
 *
 * Methods that change something must be called within a transaction.
 */
import type { RequestId } from '@modelcontextprotocol/server';
import type { Debt, LoggedEvent } from '../contracts/event-log.ts';
import { createEventTag, formatEventId } from '../contracts/event-id.ts';
import type { Database } from './database.ts';

/** The log of a session. */
export interface LogRow {
  /** Its key. */
  readonly number: number;
  readonly session: string;
  readonly tag: string;
  /** The number of its last event. */
  last: number;
  bytes: number;
  readonly used_at: number;
}

/** A stream of a session. */
export interface StreamRow {
  /** Its key. */
  readonly number: number;
  readonly id: string;
  bytes: number;
  /** How many events are kept, and how many of them may be lost. */
  events: number;
  losable: number;
  /** The number of its last event, of the last that was lost, and of the last that its holder has taken; 0 if there is none. */
  last: number;
  lost: number;
  taken: number;
  /** The highest `told` of its events. */
  told: number;
  /** `null` if nobody has held it yet; the event log says what else it may be. */
  holder: string | null;
  owed_by: string | null;
  /** The ids of calls, as JSON. */
  owed_calls: string | null;
  ended_at: number | null;
  /** Streams that ended later have higher ones. */
  ended_as: number | null;
}

/** What an event counts for on top of its message, of which a character counts for two bytes; also what a stream counts for. */
export const OVERHEAD_BYTES = 512;

/** Reads and writes the rows. */
export class EventRows {
  readonly queries: ReturnType<typeof prepareQueries>;
  /** Of all sessions. */
  bytes: number;
  #lastEnd: number;

  constructor(database: Database) {
    this.queries = prepareQueries(database);
    this.bytes = this.queries.bytes.get()?.bytes ?? 0;
    this.#lastEnd = this.queries.lastEnd.get()?.ended_as ?? 0;
  }

  /** The log of a session; begins one if there is none. */
  addLog(session: string, now: number): LogRow {
    const known = this.queries.log.get(session);
    if (known) return known;
    const log = { session, tag: createEventTag(), last: 0, bytes: 0, used_at: now };
    const number = this.queries.addLog.get(log.session, log.tag, now)?.number ?? 0;
    return { number, ...log };
  }

  /** A stream; begins one if there is none. */
  addStream(log: LogRow, id: string): StreamRow {
    const known = this.queries.stream.get(log.number, id);
    if (known) return known;
    const number = this.queries.addStream.get(log.number, id)?.number ?? 0;
    const stream = { ...EMPTY_STREAM, number, id };
    this.#count(log, stream, OVERHEAD_BYTES);
    return stream;
  }

  /** Appends an event to a stream. Without a message, it only has an id. Writes neither row; see `saveStream` and `saveLog`. */
  addEvent(log: LogRow, stream: StreamRow, data: string | undefined, mayBeLost: boolean): string {
    log.last += 1;
    stream.last = log.last;
    if (data !== undefined) {
      const bytes = OVERHEAD_BYTES + 2 * data.length;
      this.queries.addEvent.run(stream.number, log.last, bytes, Number(mayBeLost), data);
      stream.events += 1;
      stream.losable += Number(mayBeLost);
      this.#count(log, stream, bytes);
    }
    return formatEventId({ number: log.last, tag: log.tag, streamId: stream.id });
  }

  /** Removes the oldest event of a stream that may be lost. Returns `false` if there is none. Writes neither row. */
  loseEvent(log: LogRow, stream: StreamRow): boolean {
    const [lost] = stream.losable === 0 ? [] : this.queries.loseEvent.all(stream.number, stream.number);
    if (!lost) return false;
    stream.lost = lost.number;
    stream.events -= 1;
    stream.losable -= 1;
    this.#count(log, stream, -lost.bytes);
    return true;
  }

  /** The events of a stream after one of its numbers. */
  eventsAfter({ tag }: LogRow, { number, id }: StreamRow, last: number): LoggedEvent[] {
    const rows = this.queries.events.all(number, last);
    return rows.map((row) => ({ id: formatEventId({ number: row.number, tag, streamId: id }), data: row.data }));
  }

  saveLog({ last, bytes, number }: LogRow): void {
    this.queries.saveLog.run(last, bytes, number);
  }

  saveStream(row: StreamRow): void {
    const { bytes, events, losable, last, lost, taken, told, holder, owed_by: node, owed_calls: calls } = row;
    this.queries.saveStream.run(bytes, events, losable, last, lost, taken, told, holder, node, calls, row.number);
  }

  endStream({ number }: StreamRow, now: number): void {
    this.#lastEnd += 1;
    this.queries.endStream.run(now, this.#lastEnd, number);
  }

  /** Removes a stream with its events. Writes no row of the log. */
  removeStream(log: LogRow, stream: StreamRow): void {
    this.queries.removeStream.run(stream.number);
    this.#count(log, stream, -stream.bytes);
  }

  /** Removes a log with all that it has. */
  removeLog(log: LogRow): void {
    this.queries.removeLog.run(log.number);
    this.bytes -= log.bytes;
  }

  /** Removes the stream that ended first, if it did by `deadline`. Returns whether it has. */
  removeEnded(deadline: number): boolean {
    const stream = this.queries.ended.get();
    const log = stream && this.queries.logOf.get(stream.number);
    if (!log || (stream.ended_at ?? 0) > deadline) return false;
    this.removeStream(log, stream);
    this.saveLog(log);
    return true;
  }

  /** Removes all events that may be lost of one stream. Returns whether there was one. */
  loseEvents(): boolean {
    const stream = this.queries.losable.get();
    const log = stream && this.queries.logOf.get(stream.number);
    if (!log) return false;
    while (this.loseEvent(log, stream));
    this.saveStream(stream);
    this.saveLog(log);
    return true;
  }

  /** Removes the session that was not used for longest, if it was not since `deadline`. Returns whether it has. */
  removeLeastUsed(deadline: number): boolean {
    const log = this.queries.logsByUse.get();
    if (!log || log.used_at > deadline) return false;
    this.removeLog(log);
    return true;
  }

  #count(log: LogRow, stream: StreamRow, bytes: number): void {
    stream.bytes += bytes;
    log.bytes += bytes;
    this.bytes += bytes;
  }
}

const EMPTY_STREAM: Omit<StreamRow, 'number' | 'id'> = {
  bytes: 0,
  events: 0,
  losable: 0,
  last: 0,
  lost: 0,
  taken: 0,
  told: 0,
  holder: null,
  owed_by: null,
  owed_calls: null,
  ended_at: null,
  ended_as: null,
};

/** The calls that a stream owes; `undefined` if it answers none. */
export function debtOf({ owed_by: node, owed_calls: calls }: StreamRow): Debt | undefined {
  return node === null || calls === null ? undefined : { node, calls: JSON.parse(calls) as RequestId[] };
}

const STREAM = `streams.number, streams.id, streams.bytes, events, losable, streams.last, lost, taken, told, holder,
  owed_by, owed_calls, ended_at, ended_as`;

function prepareQueries(database: Database) {
  return {
    bytes: database.prepare<{ bytes: number | null }>('SELECT sum(bytes) AS bytes FROM logs'),
    lastEnd: database.prepare<{ ended_as: number | null }>('SELECT max(ended_as) AS ended_as FROM streams'),
    log: database.prepare<LogRow>('SELECT * FROM logs WHERE session = ?'),
    logOf: database.prepare<LogRow>('SELECT * FROM logs WHERE number = (SELECT log FROM streams WHERE number = ?)'),
    logsByUse: database.prepare<LogRow>('SELECT * FROM logs ORDER BY used_at LIMIT 1'),
    addLog: database.prepare<{ number: number }>(
      'INSERT INTO logs (session, tag, last, bytes, used_at) VALUES (?, ?, 0, 0, ?) RETURNING number',
    ),
    saveLog: database.prepare('UPDATE logs SET last = ?, bytes = ? WHERE number = ?'),
    removeLog: database.prepare('DELETE FROM logs WHERE number = ?'),
    stream: database.prepare<StreamRow>(`SELECT ${STREAM} FROM streams WHERE log = ? AND id = ?`),
    ended: database.prepare<StreamRow>(
      `SELECT ${STREAM} FROM streams WHERE ended_as IS NOT NULL ORDER BY ended_as LIMIT 1`,
    ),
    endedOfLog: database.prepare<StreamRow>(
      `SELECT ${STREAM} FROM streams WHERE log = ? AND ended_as IS NOT NULL ORDER BY ended_as LIMIT 2`,
    ),
    losable: database.prepare<StreamRow>(`SELECT ${STREAM} FROM streams WHERE losable > 0 ORDER BY number LIMIT 1`),
    addStream: database.prepare<{ number: number }>(
      `INSERT INTO streams (log, id, bytes, events, losable, last, lost, taken, told)
       VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0) RETURNING number`,
    ),
    saveStream: database.prepare(
      `UPDATE streams SET bytes = ?, events = ?, losable = ?, last = ?, lost = ?, taken = ?, told = ?, holder = ?,
       owed_by = ?, owed_calls = ? WHERE number = ?`,
    ),
    endStream: database.prepare('UPDATE streams SET ended_at = ?, ended_as = ? WHERE number = ?'),
    removeStream: database.prepare('DELETE FROM streams WHERE number = ?'),
    addEvent: database.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?)'),
    events: database.prepare<{ number: number; data: string }>(
      'SELECT number, data FROM events WHERE stream = ? AND number > ? ORDER BY number',
    ),
    loseEvent: database.prepare<{ number: number; bytes: number }>(
      `DELETE FROM events WHERE stream = ? AND number =
         (SELECT number FROM events WHERE stream = ? AND may_be_lost = 1 ORDER BY number LIMIT 1)
       RETURNING number, bytes`,
    ),
  };
}
