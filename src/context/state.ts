/** Values that outlive a server: kept by session and by caller, wherever the sessions are kept. */
import { principalKey, type Caller } from '../auth/caller.ts';
import type { StateStore } from './state-store.ts';

/** What a server can remember. */
export interface State {
  /** Values of the session. They end with it. Its methods reject with a {@link StateError} where there is no session. */
  readonly session: Values;
  /**
   * Values of the caller, in all sessions and without one. Its methods reject with a {@link StateError} if callers are
   * unauthenticated.
   */
  readonly caller: Values;
}

/** Options of {@link Values}. */
export interface ValueOptions {
  /** How long to keep the value, in seconds. @default as long as its session; 30 days for a value of a caller */
  ttlSeconds?: number;
}

/** Values by key. A value is anything that JSON can express, and reads as what JSON makes of it. */
export interface Values {
  /** The value; `undefined` if there is none. Its type is not checked. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Keeps a value in place of the one before. */
  set(key: string, value: unknown, options?: ValueOptions): Promise<void>;
  /**
   * Changes a value and resolves to the new one. Use it wherever the new value depends on the old one: `change` is called
   * again if another call has changed the value in the meantime, so that no change is lost.
   */
  update<T = unknown>(key: string, change: (value: T | undefined) => T, options?: ValueOptions): Promise<T>;
  /** Removes a value. Resolves to whether there was one. */
  delete(key: string): Promise<boolean>;
  /** The keys that have values, in any order. */
  keys(): Promise<string[]>;
}

/** A value that cannot be kept, or a scope that does not exist. The message says what to do. */
export class StateError extends Error {
  override name = 'StateError';
}

/** The state of one server. It is made for every request, and looks for a scope only when it is asked. */
export class ScopedState implements State {
  readonly #store: StateStore;
  readonly #sessionId: string | undefined;
  readonly #caller: Caller;

  constructor(store: StateStore, sessionId: string | undefined, caller: Caller) {
    this.#store = store;
    this.#sessionId = sessionId;
    this.#caller = caller;
  }

  get session(): Values {
    const scope = this.#sessionId === undefined ? undefined : `session:${this.#sessionId}`;
    return createValues(this.#store, scope, 'There is no session');
  }

  get caller(): Values {
    const principal = principalKey(this.#caller);
    return createValues(this.#store, principal === '' ? undefined : `caller:${principal}`, 'There is no caller');
  }
}

function createValues(store: StateStore, scope: string | undefined, problem: string): Values {
  const requireScope = async () => {
    if (scope === undefined) throw new StateError(problem);
    return scope;
  };
  return {
    async get<T>(key: string) {
      const text = await store.get(await requireScope(), key);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    async set(key, value) {
      await store.replace(await requireScope(), key, null, JSON.stringify(value), undefined);
    },
    async update<T>(key: string, change: (value: T | undefined) => T) {
      for (;;) {
        const before = await store.get(await requireScope(), key);
        const value = change(before === undefined ? undefined : (JSON.parse(before) as T));
        const replaced = await store.replace(await requireScope(), key, before, JSON.stringify(value), undefined);
        if (replaced === 'kept') return value;
      }
    },
    delete: async (key) => store.delete(await requireScope(), key),
    keys: async () => store.keys(await requireScope()),
  };
}
