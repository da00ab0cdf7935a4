/**
 * The sessions in memory: a cache of the records, limited in size and time.
 *
 * A session stays in memory while something is attached to it: a request, a stream, or a call that is still running. An
 * idle session is dropped after a while, or when there are too many.
 */
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { Logger } from '../telemetry/log.ts';
import type { LiveSession } from './live-session.ts';

/** Options for {@link LiveSessions}. */
export interface LiveSessionsOptions {
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Most idle sessions at a time. */
  maxLive: number;
  /** How long a session may stay idle, in milliseconds. */
  liveIdleMs: number;
}

interface Entry {
  readonly id: string;
  building: Promise<LiveSession>;
  /** The session once it is built. */
  session: LiveSession | undefined;
  /** How many requests are being handled. */
  requests: number;
  /** Its place among the idle sessions, while it is one. */
  place: Link<Entry> | undefined;
  idleSince: number;
}

/** Replaces the session of a dropped entry. Nothing awaits it. */
const dropped = Promise.reject<LiveSession>(new Error('The session was dropped'));
dropped.catch(() => {});

/** A cache of sessions, empty at first. */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Entries with nothing attached, the least recently used first. */
  readonly #idle = new LinkedList<Entry>();

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether something is attached to a session in this process. */
  isAttached(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isAttached(entry);
  }

  /** The ids of sessions with something attached. */
  attached(): string[] {
    return Array.from(this.#entries).flatMap(([id, entry]) => (isAttached(entry) ? [id] : []));
  }

  /** The session if it is in memory. Does not count as use. */
  find(id: string): Promise<LiveSession | undefined> | undefined {
    return this.#entries.get(id)?.building.catch(() => undefined);
  }

  /**
   * Passes a session to `handle`, and keeps it in memory until `handle` is done and nothing is attached any more.
   *
   * @param build - Activates the session if it is not in memory. Concurrent requests share the result.
   */
  async use<T>(
    id: string,
    build: () => Promise<LiveSession>,
    handle: (session: LiveSession) => T | Promise<T>,
  ): Promise<T> {
    const entry = this.#entries.get(id) ?? this.#add(id, build);
    this.#leaveIdle(entry);
    entry.requests += 1;
    try {
      return await handle(entry.session ?? (await entry.building));
    } finally {
      entry.requests -= 1;
      this.#becomeIdle(entry);
    }
  }

  /** To be called when something was detached from a session, which may be idle from now on. */
  detached(id: string): void {
    const entry = this.#entries.get(id);
    if (entry) this.#becomeIdle(entry);
  }

  /** Takes a session out of memory; ends its streams and cancels its calls. Never rejects. */
  async drop(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#remove(entry);
    try {
      const session = await entry.building.catch(() => undefined);
      await session?.close();
    } catch (error) {
      this.#options.log.error('a session failed to close', { error: String(error) });
    }
    // Until its next full collection, V8 may keep the table that a Map has outgrown, and thereby this entry.
    entry.building = dropped;
    entry.session = undefined;
  }

  /** Drops sessions that have been idle for too long. */
  dropIdle(): void {
    const deadline = this.#options.clock.now() - this.#options.liveIdleMs;
    for (const { id, idleSince } of this.#idle) if (idleSince <= deadline) void this.drop(id);
  }

  /** Drops every session. */
  async clear(): Promise<void> {
    await Promise.all(Array.from(this.#entries.keys(), (id) => this.drop(id)));
  }

  #add(id: string, build: () => Promise<LiveSession>): Entry {
    const entry: Entry = { id, building: build(), session: undefined, requests: 0, place: undefined, idleSince: 0 };
    this.#entries.set(id, entry);
    entry.building.then(
      (session) => (entry.session = session),
      () => this.#remove(entry),
    );
    return entry;
  }

  /** Does nothing if the entry has been removed already. */
  #remove(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    this.#leaveIdle(entry);
  }

  #leaveIdle(entry: Entry): void {
    if (entry.place) this.#idle.remove(entry.place);
    entry.place = undefined;
  }

  /** Lists a session as idle unless something is attached to it, and drops the least recently used one if there are too many. */
  #becomeIdle(entry: Entry): void {
    if (isAttached(entry) || this.#entries.get(entry.id) !== entry) return;
    this.#leaveIdle(entry);
    entry.idleSince = this.#options.clock.now();
    entry.place = this.#idle.append(entry);
    const { first } = this.#idle;
    if (first && this.#idle.size > this.#options.maxLive) void this.drop(first.value.id);
  }
}

function isAttached({ requests, session }: Entry): boolean {
  return requests > 0 || session?.isAttached === true;
}
