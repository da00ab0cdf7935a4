/**
 * The sessions in memory: a cache of what records tell, bounded in number and time.
 *
 * What has something attached (a request, a stream, a call that runs on) stays; the rest goes when it has
 * been unused for a while, or when there are too many.
 */
import type { Clock } from '../clock.ts';
import type { Logger } from '../telemetry/log.ts';
import { createLinkedList, type Link } from './linked-list.ts';
import type { LiveSession } from './live-session.ts';

/** Sessions looked at to find some that can go, so that one request never pays for all. */
const MAX_VISITS = 100;

/** Options for {@link createLiveSessions}. */
export interface LiveSessionsOptions {
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Sessions in memory at once; those with something attached stay beyond that. */
  maxLive: number;
  /** How long one with nothing attached stays, in milliseconds. */
  liveIdleMs: number;
}

/** The sessions in memory. */
export interface LiveSessions {
  readonly size: number;
  isAttached(id: string): boolean;
  /** Ids of those with something attached. */
  attached(): string[];
  /**
   * Lets `handle` work with a session, which stays meanwhile, and as long as something is attached to it.
   *
   * @param build - Brings the session into memory if it is not there. Requests that come meanwhile share it.
   */
  use<T>(id: string, build: () => Promise<LiveSession>, handle: (session: LiveSession) => Promise<T>): Promise<T>;
  /** Notes that something was detached from a session: from now on it may be unused. */
  detached(id: string): void;
  /** Takes a session out of memory; ends its streams and cancels its calls. Never rejects. */
  drop(id: string): Promise<void>;
  /** Drops what has been unused for long. */
  dropIdle(): void;
  /** Drops everything. */
  clear(): Promise<void>;
}

interface Entry {
  readonly id: string;
  /** Its place in the order of use; set with the entry. */
  place?: Link<Entry>;
  building: Promise<LiveSession>;
  /** The same when it is built. */
  session: LiveSession | undefined;
  /** Requests being handled. */
  requests: number;
  detachedAt: number;
}

/** Makes an empty cache. */
export function createLiveSessions({ clock, log, maxLive, liveIdleMs }: LiveSessionsOptions): LiveSessions {
  const entries = new Map<string, Entry>();
  const byUse = createLinkedList<Entry>();

  async function drop(id: string): Promise<void> {
    const entry = entries.get(id);
    if (!entry) return;
    remove(entry);
    try {
      const session = await entry.building.catch(() => undefined);
      await session?.close();
    } catch (error) {
      log.error('a session did not close well', { error: String(error) });
    }
  }

  function enliven(id: string, build: () => Promise<LiveSession>): Entry {
    const known = entries.get(id);
    if (known) {
      if (known.place) byUse.moveToEnd(known.place);
      return known;
    }
    const entry: Entry = { id, building: build(), session: undefined, requests: 0, detachedAt: 0 };
    entry.place = byUse.append(entry);
    entries.set(id, entry);
    entry.building.then(
      (session) => (entry.session = session),
      () => remove(entry),
    );
    return entry;
  }

  /** Does nothing to one that has been removed. */
  function remove(entry: Entry): void {
    if (entries.get(entry.id) !== entry) return;
    entries.delete(entry.id);
    if (entry.place) byUse.remove(entry.place);
  }

  /** Drops what is too much, the longest unused first. */
  function trim(): void {
    let visits = MAX_VISITS;
    while (entries.size > maxLive && visits-- > 0) {
      const link = byUse.first;
      if (!link) return;
      const entry = link.value;
      // Streams that stay open would otherwise be all that is ever looked at.
      if (isAttached(entry)) byUse.moveToEnd(link);
      else void drop(entry.id);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    isAttached(id) {
      const entry = entries.get(id);
      return entry !== undefined && isAttached(entry);
    },
    attached: () => Array.from(entries).flatMap(([id, entry]) => (isAttached(entry) ? [id] : [])),
    async use(id, build, handle) {
      const isNew = !entries.has(id);
      const entry = enliven(id, build);
      // From here on nothing drops it for being unused.
      entry.requests += 1;
      // Only what adds one pays for it: with many streams open there may be nothing to drop for a long time.
      if (isNew) trim();
      try {
        return await handle(entry.session ?? (await entry.building));
      } finally {
        entry.requests -= 1;
        entry.detachedAt = clock.now();
      }
    },
    detached(id) {
      const entry = entries.get(id);
      if (entry) entry.detachedAt = clock.now();
    },
    drop,
    dropIdle() {
      const deadline = clock.now() - liveIdleMs;
      for (const [id, entry] of entries) if (!isAttached(entry) && entry.detachedAt <= deadline) void drop(id);
    },
    async clear() {
      await Promise.all(Array.from(entries.keys(), drop));
    },
  };
}

function isAttached({ requests, session }: Entry): boolean {
  return requests > 0 || session?.isAttached === true;
}
