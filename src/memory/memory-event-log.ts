/** The event log in this process: gone with it, unlike that of a shared engine. */
import type { Clock } from '../lib/clock.ts';
import type { EventLog } from '../sessions/event-log.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';

/** Options for {@link createMemoryEventLog}. */
export interface MemoryEventLogOptions {
  clock: Pick<Clock, 'now'>;
  /** Events kept for one session. @default 1000 */
  maxEventsPerSession?: number;
  /** Bytes of messages kept for one session. @default 1 MiB */
  maxBytesPerSession?: number;
  /** Bytes of messages kept for all sessions together. @default 64 MiB */
  maxBytes?: number;
  /** Age from which an event is forgotten, in milliseconds. @default 5 minutes */
  maxAgeMs?: number;
}

interface Entry {
  session: SessionEntries;
  id: string;
  streamId: string;
  data: string | undefined;
  bytes: number;
  at: number;
  /** Its place among all, and among those of its session. */
  place: Link<Entry>;
  placeInSession: Link<Entry>;
}

interface SessionEntries {
  sessionId: string;
  /** Random, so that an id of another session, or of an earlier life of this one, is not mistaken for one of these. */
  tag: string;
  lastNumber: number;
  bytes: number;
  entries: LinkedList<Entry>;
}

/** What an entry counts for beside its message. It takes somewhat more: 780 bytes on Node 20, with its links and names. */
const ENTRY_BYTES = 512;

/** Makes an empty log. */
export function createMemoryEventLog(options: MemoryEventLogOptions): EventLog {
  const { clock, maxEventsPerSession = 1000, maxAgeMs = 5 * 60_000 } = options;
  const { maxBytesPerSession = 1024 * 1024, maxBytes = 64 * 1024 * 1024 } = options;
  const sessions = new Map<string, SessionEntries>();
  const all = new LinkedList<Entry>();
  let bytes = 0;

  function add(session: SessionEntries, streamId: string, data: string | undefined): Entry {
    const id = `${++session.lastNumber}.${session.tag}.${streamId}`;
    const size = ENTRY_BYTES + 2 * (data?.length ?? 0);
    const entry = { session, id, streamId, data, bytes: size, at: clock.now() } as Entry;
    entry.place = all.append(entry);
    entry.placeInSession = session.entries.append(entry);
    bytes += size;
    session.bytes += size;
    sessions.set(session.sessionId, session);
    return entry;
  }

  function remove(entry: Entry): void {
    const { session } = entry;
    all.remove(entry.place);
    session.entries.remove(entry.placeInSession);
    bytes -= entry.bytes;
    session.bytes -= entry.bytes;
    if (session.entries.size === 0) sessions.delete(session.sessionId);
  }

  function removeOldest(entries: Iterable<Entry>, isTooMuch: (oldest: Entry) => boolean): void {
    for (const entry of entries) {
      if (!isTooMuch(entry)) return;
      remove(entry);
    }
  }

  function removeOverAge(): void {
    const deadline = clock.now() - maxAgeMs;
    removeOldest(all, ({ at }) => at <= deadline);
  }

  return {
    async append(sessionId, streamId, data) {
      removeOverAge();
      const session = sessions.get(sessionId) ?? newSession(sessionId);
      const { id } = add(session, streamId, data);
      removeOldest(
        session.entries,
        () => session.entries.size > maxEventsPerSession || session.bytes > maxBytesPerSession,
      );
      removeOldest(all, () => bytes > maxBytes);
      return id;
    },
    async after(sessionId, eventId) {
      removeOverAge();
      const entries = [...(sessions.get(sessionId)?.entries ?? [])];
      const index = entries.findIndex(({ id }) => id === eventId);
      const last = entries[index];
      if (!last) return undefined;
      const missed = entries.slice(index + 1).filter(({ streamId }) => streamId === last.streamId);
      return { streamId: last.streamId, events: missed.map(({ id, data }) => ({ id, data })) };
    },
    async delete(sessionId) {
      for (const entry of sessions.get(sessionId)?.entries ?? []) remove(entry);
    },
    async prune() {
      removeOverAge();
    },
  };
}

function newSession(sessionId: string): SessionEntries {
  const tag = crypto.randomUUID().slice(0, 8);
  return { sessionId, tag, lastNumber: 0, bytes: 0, entries: new LinkedList() };
}
