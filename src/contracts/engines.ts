/** What keeps everything that must outlive a request: in memory, in a file, or on Redis. */
import type { ChangeLog } from './change-log.ts';
import type { EventLog } from './event-log.ts';
import type { RateCounter } from './rate-counter.ts';
import type { Relay } from './relay.ts';
import type { SessionStore } from './session-store.ts';
import type { StateStore } from './state-store.ts';

/** The engines of a process. They belong together: what one node keeps, all find. */
export interface Engines {
  /** Keeps session records. */
  sessionStore: SessionStore;
  /** Keeps events for clients that resume a stream. */
  eventLog: EventLog;
  /** Keeps what has changed, and publishes it. */
  changes: ChangeLog;
  /** Keeps what tools remember by session and by caller. */
  stateStore: StateStore;
  /** Reaches the other nodes. */
  relay: Relay;
  /** Counts requests on all nodes. @default each node counts its own */
  rateCounter?: RateCounter;
}

/** Engines that hold connections or files. */
export interface OpenEngines extends Engines {
  /** Whether they work at the moment. Requests that need them are refused meanwhile. */
  isAvailable(): boolean;
  /** Closes them, after everything that uses them. Never rejects. */
  close(): Promise<void>;
}
