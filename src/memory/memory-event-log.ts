/** Keeps the event log in this process. It is lost when the process ends. */
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { EventLog } from '../sessions/event-log.ts';

/** Options for {@link createMemoryEventLog}. */
export interface MemoryEventLogOptions {
  clock: Pick<Clock, 'now'>;
  /** Most events kept for one session. @default 1000 */
  maxEventsPerSession?: number;
  /** Most bytes of messages kept for one session. @default 1 MiB */
  maxBytesPerSession?: number;
  /** Most bytes of messages kept for all sessions together. @default 64 MiB */
  maxBytes?: number;
  /** Age at which an event is forgotten, in milliseconds. @default 5 minutes */
  maxAgeMs?: number;
}

interface Entry {
  session: SessionEntries;
  id: string;
  streamId: string;
  data: string | undefined;
  bytes: number;
  at: number;
  /** Its place among all events, and among those of its session. */
  place: Link<Entry>;
  placeInSession: Link<Entry>;
}

interface SessionEntries {
  sessionId: string;
  /** Random, so that an id from another session, or from an earlier life of this one, never matches. */
  tag: string;
  lastNumber: number;
  bytes: number;
  entries: LinkedList<Entry>;
}

/** What an event counts for on top of its message. With its links and names it takes more: 780 bytes on Node.js 20. */
const ENTRY_BYTES = 512;

/** Makes an empty log. */
export function createMemoryEventLog(options: MemoryEventLogOptions): EventLog {
  const { clock, maxEventsPerSession = 1000, maxAgeMs = 5 * 60_000 } = options;
  const { maxBytesPerSession = 1024 * 1024, maxBytes = 64 * 1024 * 1024 } = options;
  const events = new Events();
  const removeExpired = () => {
    const deadline = clock.now() - maxAgeMs;
    events.removeWhile(events.all, ({ at }) => at <= deadline);
  };

  return {
    async append(sessionId, streamId, data) {
      removeExpired();
      const { id, session } = events.add(sessionId, streamId, data, clock.now());
      const { entries } = session;
      events.removeWhile(entries, () => entries.size > maxEventsPerSession || session.bytes > maxBytesPerSession);
      events.removeWhile(events.all, () => events.bytes > maxBytes);
      return id;
    },
    async after(sessionId, eventId) {
      removeExpired();
      const entries = events.ofSession(sessionId);
      const index = entries.findIndex(({ id }) => id === eventId);
      const last = entries[index];
      if (!last) return undefined;
      const missed = entries.slice(index + 1).filter(({ streamId }) => streamId === last.streamId);
      return { streamId: last.streamId, events: missed.map(({ id, data }) => ({ id, data })) };
    },
    async delete(sessionId) {
      for (const entry of events.ofSession(sessionId)) events.remove(entry);
    },
    async prune() {
      removeExpired();
    },
  };
}

/** Events in the order they were added, in total and by session, and their size. */
class Events {
  readonly all = new LinkedList<Entry>();
  bytes = 0;
  readonly #sessions = new Map<string, SessionEntries>();

  add(sessionId: string, streamId: string, data: string | undefined, at: number): Entry {
    const session = this.#sessions.get(sessionId) ?? newSession(sessionId);
    this.#sessions.set(sessionId, session);
    const id = `${++session.lastNumber}.${session.tag}.${streamId}`;
    const bytes = ENTRY_BYTES + 2 * (data?.length ?? 0);
    const entry = { session, id, streamId, data, bytes, at } as Entry;
    entry.place = this.all.append(entry);
    entry.placeInSession = session.entries.append(entry);
    this.bytes += bytes;
    session.bytes += bytes;
    return entry;
  }

  ofSession(sessionId: string): Entry[] {
    return [...(this.#sessions.get(sessionId)?.entries ?? [])];
  }

  remove(entry: Entry): void {
    const { session } = entry;
    this.all.remove(entry.place);
    session.entries.remove(entry.placeInSession);
    this.bytes -= entry.bytes;
    session.bytes -= entry.bytes;
    if (session.entries.size === 0) this.#sessions.delete(session.sessionId);
  }

  /** Removes the oldest of `entries` for as long as `isDue` says so. */
  removeWhile(entries: Iterable<Entry>, isDue: (oldest: Entry) => boolean): void {
    for (const entry of entries) {
      if (!isDue(entry)) return;
      this.remove(entry);
    }
  }
}

function newSession(sessionId: string): SessionEntries {
  const tag = crypto.randomUUID().slice(0, 8);
  return { sessionId, tag, lastNumber: 0, bytes: 0, entries: new LinkedList() };
}
