/** What is done for all sessions now and then: those in use are kept, and those that have expired are ended. */
import type { ChangeLog } from '../contracts/change-log.ts';
import type { EventLog } from '../contracts/event-log.ts';
import type { SessionStore } from '../contracts/session-store.ts';
import type { Clock } from '../lib/clock.ts';
import { withoutQuotes, type Logger } from '../telemetry/log.ts';
import { errorOf } from '../transport/call.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { SessionEnd } from './session-end.ts';

/** How often those who follow the streams of other nodes ask whether these are running. */
const FOLLOW_MS = 5000;
/** Longest interval between two rounds. What other nodes have said and nobody has heard is found that late at most. */
const MAX_INTERVAL_MS = 15_000;

/** How many sessions are kept at a time: an engine that is far away answers them together. */
const PAGE_SIZE = 100;

/** Options for {@link startUpkeep}. */
export interface UpkeepOptions {
  store: SessionStore;
  eventLog: EventLog;
  changes: Pick<ChangeLog, 'last'>;
  /** The sessions in memory. */
  live: LiveSessions;
  ending: SessionEnd;
  clock: Pick<Clock, 'every'>;
  log: Logger;
  /** How long a session is kept without use, in milliseconds. */
  idleMs: number;
}

/** Starts the rounds. The returned function ends them. */
export function startUpkeep(options: UpkeepOptions): () => void {
  const { store, eventLog, changes, live, ending, clock, log, idleMs } = options;
  let isRunning = false;

  async function keep(id: string): Promise<void> {
    const { last } = changes;
    const version = await store.touch(id);
    // Without a record, the session was ended, perhaps on another node, while a request activated it here.
    if (version === undefined) return live.drop(id);
    await eventLog.touch(id);
    const session = await live.find(id);
    session?.checkStreams();
    // What other nodes say of changes may have been lost. Not awaited: it calls the author's code, which may never return.
    if (session?.isOlderThan(version)) void attempt(session.reload());
    else session?.confirm(last);
  }

  /** One session that fails must not keep the others from being looked after. */
  async function attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      log.error('sessions could not be cleaned up', { error: withoutQuotes(errorOf(error)) });
    }
  }

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    live.dropIdle();
    const ids = live.attached();
    for (let first = 0; first < ids.length; first += PAGE_SIZE) {
      await Promise.all(ids.slice(first, first + PAGE_SIZE).map((id) => attempt(keep(id))));
    }
    await attempt(ending.endExpired());
    await attempt(eventLog.prune());
    isRunning = false;
  }

  function follow(): void {
    for (const id of live.attached()) void live.find(id)?.then((session) => session?.wakeFollowed());
  }

  const stops = [clock.every(FOLLOW_MS, follow), clock.every(Math.min(MAX_INTERVAL_MS, idleMs / 2), () => void run())];
  return () => stops.forEach((stop) => stop());
}
