/**
 * The sessions in memory: a cache of what records tell, bounded in number and time.
 *
 * A session with something attached (a request, a stream, a call that runs on) stays. An idle one goes after a while,
 * or when there are too many.
 */
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { Logger } from '../telemetry/log.ts';
import type { LiveSession } from './live-session.ts';

/** Options for {@link LiveSessions}. */
export interface LiveSessionsOptions {
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Idle sessions at once. */
  maxLive: number;
  /** How long one stays idle, in milliseconds. */
  liveIdleMs: number;
}

interface Entry {
  readonly id: string;
  building: Promise<LiveSession>;
  /** The same when it is built. */
  session: LiveSession | undefined;
  /** Requests being handled. */
  requests: number;
  /** Its place among the idle ones, while it is idle. */
  place: Link<Entry> | undefined;
  idleSince: number;
}

/** What an entry that was dropped has in place of its session; nothing asks for it any more. */
const dropped = Promise.reject<LiveSession>(new Error('The session was dropped'));
dropped.catch(() => {});

/** A cache of sessions, empty at first. */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Those with nothing attached, the longest unused first. */
  readonly #idle = new LinkedList<Entry>();

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether something is attached to a session here. */
  isAttached(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isAttached(entry);
  }

  /** Ids of those with something attached. */
  attached(): string[] {
    return Array.from(this.#entries).flatMap(([id, entry]) => (isAttached(entry) ? [id] : []));
  }

  /**
   * Lets `handle` work with a session, which stays meanwhile, and as long as something is attached to it.
   *
   * @param build - Brings the session into memory if it is not there. Requests that come meanwhile share it.
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

  /** Notes that something was detached from a session: it may be idle from now on. */
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
      this.#options.log.error('a session did not close well', { error: String(error) });
    }
    // V8 may keep tables that a Map has outgrown until the next full collection, and with them what was in it.
    entry.building = dropped;
    entry.session = undefined;
  }

  /** Drops what has been idle for long. */
  dropIdle(): void {
    const deadline = this.#options.clock.now() - this.#options.liveIdleMs;
    for (const { id, idleSince } of this.#idle) if (idleSince <= deadline) void this.drop(id);
  }

  /** Drops everything. */
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

  /** Does nothing to one that has been removed. */
  #remove(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    this.#leaveIdle(entry);
  }

  #leaveIdle(entry: Entry): void {
    if (entry.place) this.#idle.remove(entry.place);
    entry.place = undefined;
  }

  /** Puts one among the idle, unless something is attached to it, and drops the longest unused when that is one too many. */
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
