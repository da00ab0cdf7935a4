import assert from 'node:assert/strict';
import type { Caller } from '../../src/auth/caller.ts';
import { ScopedState } from '../../src/context/state.ts';
import { StateError } from '../../src/context/state-json.ts';
import type { StateStore } from '../../src/contracts/state-store.ts';
import { createMemoryStateStore, type MemoryStateStoreOptions } from '../../src/memory/memory-state-store.ts';
import { manualClock, type ManualClock } from './clock.ts';
import { principalOf } from './session-app.ts';

const ALICE: Caller = { principal: principalOf('alice') };

/** Parts that a test of state needs. */
export interface StateParts {
  store: StateStore;
  clock: ManualClock;
  /** The state of Alice in a session. */
  state: ScopedState;
  stateOf: (sessionId: string | undefined, caller?: Caller) => ScopedState;
  /** The sessions that have ended; a test adds them. */
  ended: Set<string>;
}

/** State on a store in memory, or on the one that is given. */
export function stateParts(options: Partial<MemoryStateStoreOptions> = {}, store?: StateStore): StateParts {
  const clock = manualClock();
  const source = {
    store: store ?? createMemoryStateStore({ clock, ...options }),
    hasSession: async (id: string) => !ended.has(id),
  };
  const ended = new Set<string>();
  const stateOf: StateParts['stateOf'] = (sessionId, caller = ALICE) => new ScopedState(source, sessionId, caller);
  return { store: source.store, clock, state: stateOf('s1'), stateOf, ended };
}

/** Asserts that a promise rejects with a `StateError` whose message matches. */
export function rejectsWith(promise: Promise<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof StateError, String(error));
    assert.equal(error.name, 'StateError');
    assert.match(error.message, message);
    return true;
  });
}
