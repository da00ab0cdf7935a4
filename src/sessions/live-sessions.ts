/**
 * The sessions in memory: a cache of the records, limited in number, memory and time.
 *
 * A session stays in memory while something is attached to it: a request, a stream, or a call that is still running. An
 * idle session is dropped after a while, when there are too many, or when memory is short.
 */
import type { Clock } from '../lib/clock.ts';
import { Deadlines } from '../lib/deadlines.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { Logger } from '../telemetry/log.ts';
import type { DropReason, LossLog } from '../telemetry/loss-log.ts';
import type { LiveSession } from './live-session.ts';

/** Options for {@link LiveSessions}. */
export interface LiveSessionsOptions {
  clock: Clock;
  log: Logger;
  losses: LossLog;
  /**
   * Most idle sessions at a time. With 0, a session is also dropped, along with its GET stream, when it has answered a
   * POST and neither a call nor a question to the client is unanswered.
   */
  maxLive: number;
  /** How long a session may stay idle, in milliseconds. */
  liveIdleMs: number;
  /** How long its record is kept without use, in milliseconds: then the session itself has ended. */
  idleMs: number;
}

/**
 * How long it may take to activate a session, in milliseconds: no client waits for longer by default. Without a limit, a
 * `createMcpServer` that hangs would keep the session from ending, and the process from stopping.
 */
const MAX_BUILD_MS = 60_000;

/** How many idle sessions there may be when memory is not short any more, for each that there was before. */
const REGROWTH = 1.5;

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

  /** When a session is to be built. */
  readonly #deadlines: Deadlines;
  /** Most idle sessions for now: `maxLive`, or fewer while memory is short. */
  #maxIdle: number;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(MAX_BUILD_MS, options.clock);
    this.#maxIdle = options.maxLive;
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

  /** Takes a session that has ended out of memory; ends its streams and cancels its calls. Never rejects. */
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
    const { clock, liveIdleMs, idleMs } = this.#options;
    const deadline = clock.now() - liveIdleMs;
    for (const entry of this.#idle) {
      if (entry.idleSince > deadline) continue;
      if (liveIdleMs < idleMs) this.#giveUp(entry, 'idle');
      else void this.drop(entry.id);
    }
  }

  /**
   * Drops half of the idle sessions if memory is short, and lets there be no more until the next reading. Each reading
   * that finds enough of it allows for more.
   */
  fitMemory(isShort: boolean): void {
    if (!isShort) {
      this.#maxIdle = Math.min(Math.ceil(this.#maxIdle * REGROWTH) + 1, this.#options.maxLive);
      return;
    }
    this.#maxIdle = Math.floor(this.#idle.size / 2);
    this.#dropBeyond(this.#maxIdle, 'memory');
  }

  /** Drops every session. They go on: the calls that are still running are answered with an error. */
  async clear(): Promise<void> {
    const drops = Array.from(this.#entries.values(), async ({ id, session }) => {
      await session?.cutOffCalls();
      const drop = this.drop(id);
      // One that is still being built has nothing to end, and its `createMcpServer` may hang.
      if (session) await drop;
    });
    await Promise.all(drops);
    this.#deadlines.close();
  }

  #add(id: string, build: () => Promise<LiveSession>): Entry {
    const building = this.#inTime(build());
    const entry: Entry = { id, building, session: undefined, requests: 0, place: undefined, idleSince: 0 };
    this.#entries.set(id, entry);
    entry.building.then(
      (session) => (entry.session = session),
      () => this.#remove(entry),
    );
    return entry;
  }

  /** Rejects if a session is not built in time. It is closed if it is built after all. */
  async #inTime(building: Promise<LiveSession>): Promise<LiveSession> {
    let cancel: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.#deadlines.set(() => {
        building.then((session) => session.close()).catch(() => {});
        reject(
          new Error(`a session's server was not ready within ${MAX_BUILD_MS / 1000} seconds: createMcpServer hangs`),
        );
      });
    });
    return Promise.race([building, late]).finally(() => cancel?.());
  }

  /** Does nothing if the entry has been removed already. */
  #remove(entry: Entry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    this.#leaveIdle(entry);
  }

  /** Drops a session that goes on. */
  #giveUp({ id, session }: Entry, reason: DropReason): void {
    this.#options.losses.dropped(reason, session?.hasChanged === true);
    void this.drop(id);
  }

  #leaveIdle(entry: Entry): void {
    if (entry.place) this.#idle.remove(entry.place);
    entry.place = undefined;
  }

  /** Lists a session as idle unless something is attached to it, and drops the least recently used one if there are too many. */
  #becomeIdle(entry: Entry): void {
    const { maxLive, clock } = this.#options;
    if (this.#entries.get(entry.id) !== entry) return;
    if (maxLive === 0) return this.#dropServed(entry);
    if (isAttached(entry)) return;
    this.#leaveIdle(entry);
    entry.idleSince = clock.now();
    entry.place = this.#idle.append(entry);
    this.#dropBeyond(this.#maxIdle, this.#maxIdle < maxLive ? 'memory' : 'count');
  }

  /** Drops a session that has served its request. Until the next turn, handlers of notifications may ask the client. */
  #dropServed(entry: Entry): void {
    if (!hasServed(entry)) return;
    this.#options.clock.after(0, () => {
      if (this.#entries.get(entry.id) === entry && hasServed(entry)) this.#giveUp(entry, 'request');
    });
  }

  /** Drops idle sessions, the least recently used first, until there are `max`. */
  #dropBeyond(max: number, reason: DropReason): void {
    for (const entry of this.#idle) {
      if (this.#idle.size <= max) return;
      this.#giveUp(entry, reason);
    }
  }
}

function isAttached({ requests, session }: Entry): boolean {
  return requests > 0 || session?.isAttached === true;
}

/** Whether a session has answered a POST, and neither a call nor a question to the client is unanswered; or its stream is over. */
function hasServed({ requests, session }: Entry): boolean {
  if (requests > 0 || !session) return false;
  return session.hasAnswered ? !session.isBusy : !session.isAttached;
}
