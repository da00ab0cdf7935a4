/** What a server remembers beyond its own life: values by session and by caller, on the same engine as the sessions. */
import { principalKey, type Caller } from '../auth/caller.ts';
import { StateError } from './state-json.ts';
import type { StateStore } from '../contracts/state-store.ts';
import { createValues, type Values } from './values.ts';

/** How long a caller's value is kept after it was last written, so that a caller who never returns is forgotten: 30 days. */
const CALLER_TTL_SECONDS = 30 * 24 * 60 * 60;

const NO_SESSION = 'There is no session: requests of 2026-07-28 and of MCP_SESSIONS=stateless have none.';
const NO_CALLER = 'There is no caller: callers are unauthenticated.';
const AUTHENTICATE = 'Set MCP_AUTH_TOKENS or MCP_OAUTH_ISSUER, and use state.caller.';
const OWN_STORE = 'Or use a store of your own, under an id that the client passes back.';

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

/** What all state comes from. */
export interface StateSource {
  store: StateStore;
  /** Whether a session still exists. Asked after each value that is written for it. */
  hasSession: (id: string) => Promise<boolean>;
}

/** The name of a session's scope in a store. */
export function sessionScope(id: string): string {
  return `session:${id}`;
}

/** The state of one server. It is made for every request, and looks for a scope only when it is asked. */
export class ScopedState implements State {
  readonly #source: StateSource;
  readonly #sessionId: string | undefined;
  readonly #caller: Caller;

  constructor(source: StateSource, sessionId: string | undefined, caller: Caller) {
    this.#source = source;
    this.#sessionId = sessionId;
    this.#caller = caller;
  }

  get session(): Values {
    const { store, hasSession } = this.#source;
    const id = this.#sessionId;
    return createValues(store, () => {
      if (id === undefined) throw new StateError([NO_SESSION, this.#withoutSession(), OWN_STORE].join(' '));
      return { name: sessionScope(id), owner: 'session', ttlSeconds: undefined, exists: () => hasSession(id) };
    });
  }

  get caller(): Values {
    return createValues(this.#source.store, () => {
      const principal = principalKey(this.#caller);
      if (principal === '') {
        const remedy = this.#sessionId === undefined ? AUTHENTICATE : `${AUTHENTICATE} Or use state.session.`;
        throw new StateError(`${NO_CALLER} ${remedy}`);
      }
      return {
        name: `caller:${principal}`,
        owner: 'caller',
        ttlSeconds: CALLER_TTL_SECONDS,
        exists: () => Promise.resolve(true),
      };
    });
  }

  /** What to use instead of the session. */
  #withoutSession(): string {
    return this.#caller.principal ? 'Use state.caller.' : `${NO_CALLER} ${AUTHENTICATE}`;
  }
}
