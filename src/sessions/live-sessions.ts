/**
 * The sessions in memory: a cache of what records tell, bounded in number and time.
 *
 * What has something attached (a request, a stream, a call that runs on) stays. The rest is at rest: it goes when it
 * has been so for a while, or when too many are.
 */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { LiveSession } from './live-session.ts';

/** Options for {@link createLiveSessions}. */
export interface LiveSessionsOptions {
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Sessions at rest at once. */
  maxLive: number;
  /** How long one stays at rest, in milliseconds. */
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
  use<T>(id: string, build: () => Promise<LiveSession>, handle: (session: LiveSession) => T | Promise<T>): Promise<T>;
  /** Notes that something was detached from a session: it may be at rest from now on. */
  detached(id: string): void;
  /** Takes a session out of memory; ends its streams and cancels its calls. Never rejects. */
  drop(id: string): Promise<void>;
  /** Drops what has been at rest for long. */
  dropIdle(): void;
  /** Drops everything. */
  clear(): Promise<void>;
}

interface Entry {
  readonly id: string;
  building: Promise<LiveSession>;
  /** The same when it is built. */
  session: LiveSession | undefined;
  /** Requests being handled. */
  requests: number;
  /** Its place among those at rest, while it is. */
  place: Link<Entry> | undefined;
  restingSince: number;
}

/** What an entry that was dropped has in place of its session; nobody asks for it any more. */
const dropped = Promise.reject<LiveSession>(new Error('The session was dropped'));
dropped.catch(() => {});

/** Makes an empty cache. */
export function createLiveSessions({ clock, log, maxLive, liveIdleMs }: LiveSessionsOptions): LiveSessions {
  const entries = new Map<string, Entry>();
  /** Those with nothing attached, the longest unused first. */
  const resting = new LinkedList<Entry>();

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
    // V8 may keep tables that a Map has outgrown until the next full collection, and with them what was in it.
    entry.building = dropped;
    entry.session = undefined;
  }

  function enliven(id: string, build: () => Promise<LiveSession>): Entry {
    const known = entries.get(id);
    if (known) return known;
    const entry: Entry = {
      id,
      building: build(),
      session: undefined,
      requests: 0,
      place: undefined,
      restingSince: 0,
    };
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
    wake(entry);
  }

  function wake(entry: Entry): void {
    if (entry.place) resting.remove(entry.place);
    entry.place = undefined;
  }

  /** Puts one to rest, unless something is attached to it, and drops the longest unused when that is one too many. */
  function rest(entry: Entry): void {
    if (isAttached(entry) || entries.get(entry.id) !== entry) return;
    wake(entry);
    entry.restingSince = clock.now();
    entry.place = resting.append(entry);
    const { first } = resting;
    if (first && resting.size > maxLive) void drop(first.value.id);
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
      const entry = enliven(id, build);
      wake(entry);
      entry.requests += 1;
      try {
        return await handle(entry.session ?? (await entry.building));
      } finally {
        entry.requests -= 1;
        rest(entry);
      }
    },
    detached(id) {
      const entry = entries.get(id);
      if (entry) rest(entry);
    },
    drop,
    dropIdle() {
      const deadline = clock.now() - liveIdleMs;
      for (const { id, restingSince } of resting) if (restingSince <= deadline) void drop(id);
    },
    async clear() {
      await Promise.all(Array.from(entries.keys(), drop));
    },
  };
}

function isAttached({ requests, session }: Entry): boolean {
  return requests > 0 || session?.isAttached() === true;
}
