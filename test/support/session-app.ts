import { ANONYMOUS, type Caller, type Principal } from '../../src/auth/caller.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import { testApp, type TestApp, type TestAppOptions } from './app.ts';
import { manualClock, type ManualClock } from './clock.ts';
import { fixture, type Fixture, type Tool } from './fixture.ts';

export interface SessionApp {
  app: TestApp;
  clock: ManualClock;
  servers: Fixture;
  store: SessionStore;
  eventLog: EventLog;
  /** Another app on the same store and log: the process after a restart, or another node. */
  another: (env?: Record<string, string>, options?: TestAppOptions) => TestApp;
  /** How many of all events that were logged the log still holds. */
  heldEvents: () => Promise<number>;
}

/** An app whose time, servers, records and events a test can see; who calls is what the token says. */
export function sessionApp(
  tools: Record<string, Tool> = {},
  env: Record<string, string> = {},
  options: TestAppOptions = {},
): SessionApp {
  const clock = manualClock();
  const servers = fixture(tools);
  const store = createMemorySessionStore({ idleMs: loadConfig(env).sessionIdleSeconds * 1000, clock });
  const log = createMemoryEventLog({ clock });
  const appended: { sessionId: string; id: string }[] = [];
  const eventLog: EventLog = {
    ...log,
    append: async (sessionId, ...event) => {
      const id = await log.append(sessionId, ...event);
      if (id !== undefined) appended.push({ sessionId, id });
      return id;
    },
  };
  const heldEvents = async () => {
    const found = await Promise.all(appended.map(({ sessionId, id }) => log.after(sessionId, id)));
    return found.filter((events) => events !== undefined).length;
  };
  // A silent call streams after one turn, as a longer one does by default.
  const parts = {
    clock,
    streamAfterMs: 0,
    sessionStore: store,
    eventLog,
    createServer: servers.createServer,
    authenticate,
    ...options,
  };
  const another: SessionApp['another'] = (ownEnv = env, own = {}) => testApp(ownEnv, { ...parts, ...own });
  return { app: another(), clock, servers, store, eventLog, another, heldEvents };
}

/** The header of a token; `alice.2` is the second token of the principal `alice`. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Whom {@link bearer} makes a token for. */
export function principalOf(token: string): Principal {
  return { issuer: 'https://issuer.example', subject: token.split('.')[0] ?? '', client: 'test' };
}

/** Accepts every token; without one, the caller is unauthenticated. */
async function authenticate(request: Request): Promise<Caller> {
  const token = request.headers.get('authorization')?.slice('Bearer '.length);
  if (token === undefined) return ANONYMOUS;
  const principal = principalOf(token);
  return { principal, authInfo: { token, clientId: principal.subject, scopes: [] } };
}
