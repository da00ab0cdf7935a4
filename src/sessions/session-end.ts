/**
 * Ends sessions: their records, what is kept for them, and their live sessions. Then it tells the author's `onSessionEnd`.
 *
 * The record decides who ends a session: of all requests, ticks and nodes that try, the one that removes it, or is given
 * it as expired.
 */
import type { OnSessionEnd, SessionEndReason } from '../context/context.ts';
import { sessionScope } from '../context/state.ts';
import type { StateStore } from '../contracts/state-store.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../signals/metrics.ts';
import type { EventLog } from '../contracts/event-log.ts';
import type { Relay } from '../contracts/relay.ts';
import type { SessionStore } from '../contracts/session-store.ts';

/** How many expired sessions are ended at a time. */
const PAGE_SIZE = 100;

/** Options for {@link createSessionEnd}. */
export interface SessionEndOptions {
  store: SessionStore;
  eventLog: EventLog;
  stateStore: StateStore;
  /** Tells other nodes. */
  relay: Pick<Relay, 'send'>;
  /** Takes a session out of memory. Never rejects. */
  drop: (id: string) => Promise<void>;
  /** @default nobody is told */
  onSessionEnd?: OnSessionEnd | undefined;
  /** Counts what `onSessionEnd` is still doing, so that a stop waits for it as for the calls of clients. */
  callsInFlight: CallsInFlight;
  clock: Pick<Clock, 'now'>;
  log: Logger;
  /** Hears of each session that has ended. @default nobody does */
  metrics?: Pick<Metrics, 'sessionEnded'> | undefined;
}

/** Ends sessions. */
export interface SessionEnd {
  /** Ends a session; if it has ended already, only takes it out of memory. Rejects if its record cannot be removed. */
  end(id: string, reason: SessionEndReason): Promise<void>;
  /** Ends the sessions that have expired. Rejects if the session store is unavailable. */
  endExpired(): Promise<void>;
}

/** Makes what ends the sessions of this process. */
export function createSessionEnd(options: SessionEndOptions): SessionEnd {
  const { store, eventLog, stateStore, relay, drop, onSessionEnd, callsInFlight, clock, log, metrics } = options;

  /** Does one part of it. One that fails keeps no other from being done. */
  async function attempt(what: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error(what, { error: String(error) });
    }
  }

  async function cleanUp(id: string, reason: SessionEndReason): Promise<void> {
    await attempt('other nodes could not be told that a session has ended', () => relay.send(id, { kind: 'ended' }));
    await attempt('the events of a session could not be removed', () => eventLog.delete(id));
    await attempt('the state of a session could not be removed', () => stateStore.clear(sessionScope(id)));
    // Not awaited: whoever ends a session does not wait for the author's database.
    if (onSessionEnd) void callsInFlight.track(() => attempt('onSessionEnd failed', () => onSessionEnd(id, reason)));
  }

  async function endTaken(id: string): Promise<void> {
    await drop(id);
    // Its record is gone, and nobody knows when its client has left.
    metrics?.sessionEnded('expired', undefined);
    await cleanUp(id, 'expired');
  }

  return {
    async end(id, reason) {
      const createdAt = metrics && (await store.get(id))?.createdAt;
      const isFirst = await store.delete(id);
      // Only now: while the record exists, a request may activate the session again.
      await drop(id);
      if (!isFirst) return;
      metrics?.sessionEnded(reason, createdAt && (clock.now() - createdAt) / 1000);
      await cleanUp(id, reason);
    },
    async endExpired() {
      for (let ids = await store.takeExpired(PAGE_SIZE); ids.length > 0; ids = await store.takeExpired(PAGE_SIZE)) {
        await Promise.all(ids.map(endTaken));
      }
    },
  };
}
