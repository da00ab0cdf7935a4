/** The engines in this process: what they keep ends with it. */
import type { Engines } from '../contracts/engines.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';
import { createMemoryChangeLog } from './memory-change-log.ts';
import { createMemoryEventLog } from './memory-event-log.ts';
import { createMemoryRelay } from './memory-relay.ts';
import { createMemorySessionStore } from './memory-session-store.ts';
import { createMemoryStateStore } from './memory-state-store.ts';

/** Options for {@link createMemoryEngines}. */
export interface MemoryEnginesOptions {
  clock: Pick<Clock, 'now'>;
  /** How long an unused session is kept, in milliseconds. */
  idleMs: number;
  log: Pick<Logger, 'error'>;
}

/** Makes empty engines. They need not be closed. */
export function createMemoryEngines({ clock, idleMs, log }: MemoryEnginesOptions): Engines {
  const onerror = (error: Error) => log.error('a listener of changes failed', { error: error.message });
  return {
    sessionStore: createMemorySessionStore({ idleMs, clock }),
    eventLog: createMemoryEventLog({ clock }),
    stateStore: createMemoryStateStore({ clock }),
    changes: createMemoryChangeLog({ onerror }),
    relay: createMemoryRelay(),
  };
}
