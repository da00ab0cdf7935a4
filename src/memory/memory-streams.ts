/**
 * The streams of a memory event log, within its bounds: what makes room, and what goes first.
 *
 * `memory-event-log.ts` says what the events mean.
 */
import { createEventTag, formatEventId } from '../contracts/event-id.ts';
import { EVENT_LOG_BOUNDS, type Debt, type EventLogBounds, type LoggedEvent } from '../contracts/event-log.ts';
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';

/** Options for {@link MemoryStreams}. The bounds that are left out are those of `EVENT_LOG_BOUNDS`. */
export interface MemoryStreamsOptions extends Partial<EventLogBounds> {
  clock: Pick<Clock, 'now'>;
  /** Most bytes of all sessions together. @default 64 MiB */
  maxBytes?: number;
}

/** The log of one session. */
export interface SessionLog {
  id: string;
  /** Random, so that an id from another session, or from an earlier life of this one, never matches. */
  tag: string;
  streams: Map<string, StreamLog>;
  /** Those of `streams` that have ended, in that order. */
  ended: LinkedList<StreamLog>;
  /** The number of its last event. */
  number: number;
  bytes: number;
  usedAt: number;
}

/** The log of one stream. */
export interface StreamLog {
  session: SessionLog;
  id: string;
  events: Entry[];
  bytes: number;
  /** The number of the last event that was lost; 0 if none was. */
  lost: number;
  endedAt?: number;
  /** Who may take its events. */
  holder: string | undefined;
  /** The number of the last event that was taken. */
  taken: number;
  /** The last change that the client knows of. */
  told: number;
  owed: Debt | undefined;
  /** Its links in the lists of ended streams, of ended streams of its session, and of streams with events that may be lost. */
  ended?: Link<StreamLog> | undefined;
  endedInSession?: Link<StreamLog>;
  losable?: Link<StreamLog> | undefined;
}

interface Entry extends LoggedEvent {
  number: number;
  bytes: number;
  mayBeLost: boolean;
}

/** What an event counts for on top of its message, of which a character counts for two bytes; also what a stream counts for. */
const OVERHEAD_BYTES = 512;
/** Streams by session. No method shows an expired one. */
export class MemoryStreams {
  readonly #options: Required<MemoryStreamsOptions>;
  readonly #sessions = new Map<string, Link<SessionLog>>();
  /** All sessions, the least recently used first. */
  readonly #byUse = new LinkedList<SessionLog>();
  /** All streams that have ended, in that order. */
  readonly #ended = new LinkedList<StreamLog>();
  /** All streams with events that may be lost. */
  readonly #losable = new LinkedList<StreamLog>();
  #bytes = 0;

  constructor(options: MemoryStreamsOptions) {
    this.#options = {
      ...EVENT_LOG_BOUNDS,
      maxBytes: 64 * 1024 * 1024,
      ...options,
    };
  }

  /** How many bytes there are, as the bounds count them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A stream; `undefined` if it is unknown. */
  find(sessionId: string, streamId: string): StreamLog | undefined {
    this.prune();
    return this.#sessions.get(sessionId)?.value.streams.get(streamId);
  }

  /** A stream, which begins now if it is unknown. Counts as use. */
  open(sessionId: string, streamId: string): StreamLog {
    this.prune();
    const session = this.#sessionOf(sessionId);
    this.touch(sessionId);
    return session.streams.get(streamId) ?? this.#addStream(session, streamId);
  }

  /** Adds an event to a stream and returns its id. */
  add(stream: StreamLog, data: string | undefined, mayBeLost: boolean): string {
    const { session } = stream;
    const number = ++session.number;
    const id = formatEventId({ number, tag: session.tag, streamId: stream.id });
    if (data !== undefined) {
      const bytes = OVERHEAD_BYTES + 2 * data.length;
      stream.events.push({ id, data, number, bytes, mayBeLost });
      if (mayBeLost) stream.losable ??= this.#losable.append(stream);
      this.#count(stream, bytes);
    }
    this.#loseEvents(stream, this.#options.maxEventsPerStream, this.#options.maxBytesPerStream);
    this.#makeRoom(stream);
    return id;
  }

  /** Ends a stream, once: it is one of the first to go. */
  end(stream: StreamLog): void {
    if (stream.ended) return;
    stream.endedAt = this.#options.clock.now();
    stream.ended = this.#ended.append(stream);
    stream.endedInSession = stream.session.ended.append(stream);
    this.#makeRoom(stream);
  }

  touch(sessionId: string): void {
    const link = this.#sessions.get(sessionId);
    if (!link) return;
    link.value.usedAt = this.#options.clock.now();
    this.#byUse.moveToEnd(link);
  }

  delete(sessionId: string): void {
    const link = this.#sessions.get(sessionId);
    if (!link) return;
    for (const stream of link.value.streams.values()) this.#removeStream(stream);
    this.#sessions.delete(sessionId);
    this.#byUse.remove(link);
  }

  /** Forgets what has expired. */
  prune(): void {
    const deadline = this.#options.clock.now() - this.#options.maxAgeMs;
    // Not `for … of`: before every event, two iterators would take longer than finding that nothing has expired.
    for (let oldest = this.#byUse.first; oldest && oldest.value.usedAt <= deadline; oldest = this.#byUse.first) {
      this.delete(oldest.value.id);
    }
    for (let first = this.#ended.first; first && (first.value.endedAt ?? 0) <= deadline; first = this.#ended.first) {
      this.#removeStream(first.value);
    }
  }

  #sessionOf(id: string): SessionLog {
    const known = this.#sessions.get(id);
    if (known) return known.value;
    const tag = createEventTag();
    const link = this.#byUse.append({
      id,
      tag,
      streams: new Map(),
      ended: new LinkedList(),
      number: 0,
      bytes: 0,
      usedAt: 0,
    });
    this.#sessions.set(id, link);
    return link.value;
  }

  #addStream(session: SessionLog, id: string): StreamLog {
    const stream: StreamLog = {
      session,
      id,
      events: [],
      bytes: 0,
      lost: 0,
      holder: undefined,
      taken: 0,
      told: 0,
      owed: undefined,
    };
    session.streams.set(id, stream);
    this.#count(stream, OVERHEAD_BYTES);
    return stream;
  }

  #removeStream(stream: StreamLog): void {
    const { session, ended, endedInSession, losable } = stream;
    session.streams.delete(stream.id);
    if (ended) this.#ended.remove(ended);
    if (endedInSession) session.ended.remove(endedInSession);
    if (losable) this.#losable.remove(losable);
    this.#count(stream, -stream.bytes);
  }

  /** Removes the oldest events of a stream that may be lost, until it keeps these bounds or has no more of them. */
  #loseEvents(stream: StreamLog, maxEvents: number, maxBytes: number): void {
    const { events } = stream;
    while (events.length > maxEvents || stream.bytes > maxBytes) {
      const index = events.findIndex(({ mayBeLost }) => mayBeLost);
      const [lost] = index < 0 ? [] : events.splice(index, 1);
      if (!lost) break;
      stream.lost = lost.number;
      this.#count(stream, -lost.bytes);
    }
    if (!stream.losable || events.some(({ mayBeLost }) => mayBeLost)) return;
    this.#losable.remove(stream.losable);
    stream.losable = undefined;
  }

  /** Removes the least valuable events first, until the session of a stream that has grown or ended, and all together, keep their bounds. */
  #makeRoom(growing: StreamLog): void {
    const { session } = growing;
    const { maxBytesPerSession, maxBytes } = this.#options;
    if (session.bytes > maxBytesPerSession) {
      for (const stream of session.ended) {
        if (session.bytes <= maxBytesPerSession || session.ended.size === 1) break;
        this.#removeStream(stream);
      }
      this.#loseEvents(growing, Infinity, growing.bytes - Math.max(session.bytes - maxBytesPerSession, 0));
    }
    if (this.#bytes > maxBytes) this.#makeRoomForAll(maxBytes);
  }

  #makeRoomForAll(maxBytes: number): void {
    for (const stream of this.#ended) {
      if (this.#bytes <= maxBytes) return;
      this.#removeStream(stream);
    }
    for (const stream of this.#losable) {
      if (this.#bytes <= maxBytes) return;
      this.#loseEvents(stream, 0, 0);
    }
    for (const { id } of this.#byUse) {
      if (this.#bytes <= maxBytes) return;
      this.delete(id);
    }
  }

  #count(stream: StreamLog, bytes: number): void {
    stream.bytes += bytes;
    stream.session.bytes += bytes;
    this.#bytes += bytes;
  }
}
