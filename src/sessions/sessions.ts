/**
 * The sessions of the 2025 revisions: opens them, finds them, brings them to life, lets them rest, ends them.
 *
 * Records are the truth (`session-store.ts`). What lives in memory is a cache: built when a request comes,
 * dropped when nothing is attached to it for a while. The specification's statuses are decided here: 400
 * without a session id, 404 for a session that is not there, or not the caller's; 503 when there is no room.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
import {
  isInitializeRequest,
  isJSONRPCRequest,
  type InitializeRequest,
  type JSONRPCRequest,
} from '@modelcontextprotocol/server';
import type { Accepted } from '../protocol/accept.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import { principalKey, type Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import type { CreateServer } from '../tools.ts';
import type { Deadlines } from '../lib/deadlines.ts';
import {
  initializeTooLargeResponse,
  invalidInitializeResponse,
  missingSessionResponse,
  sessionNotFoundResponse,
  stoppingResponse,
  unavailableResponse,
} from '../protocol/errors.ts';
import { methodOf, requestIdOf } from '../protocol/json.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Answer } from '../transport/call.ts';
import type { EventLog } from './event-log.ts';
import { refuseVersion, type Exchange } from '../protocol/incoming.ts';
import { createLiveSession, type LiveSession } from './live-session.ts';
import { createLiveSessions } from './live-sessions.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** What a record may keep of what a client says of itself, as JSON; small icons fit, uploads do not. */
const MAX_INITIALIZE_CHARS = 16 * 1024;
/** When to come back for a session that there was no room for: some calls will have ended by then. */
const RETRY_AFTER_SECONDS = 10;
/** How often at most to look for what can be dropped. */
const MAX_TICK_MS = 15_000;
/** Sessions asked for at a time to find one that can go. */
const PAGE_SIZE = 100;

/** Options for {@link createSessions}. */
export interface SessionsOptions {
  /** Builds the server of a session; the context says `legacy`. */
  createServer: CreateServer;
  store: SessionStore;
  eventLog: EventLog;
  callsInFlight: CallsInFlight;
  clock: Clock;
  log: Logger;
  /** The store's idle time; a session with something attached is touched often enough to outlast it. */
  idleMs: number;
  /** Sessions at once. */
  maxSessions: number;
  /** Sessions of one authenticated principal at once. */
  maxSessionsPerPrincipal: number;
  /** Sessions in memory with nothing attached at once; those with something attached do not count. @default 1000 */
  maxLive?: number;
  /** How long one with nothing attached stays in memory, in milliseconds. @default 60000 */
  liveIdleMs?: number;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** When the answer to a call that takes longer becomes a stream. */
  streamDeadlines: Deadlines;
}

/** Serves the requests of the 2025 revisions. */
export interface Sessions {
  /** How many are in memory. */
  readonly live: number;
  /** Serves a POST with its parsed body, in the types that the client accepts. */
  post(request: Request, body: unknown, caller: Caller, accepted: Accepted): Response | Promise<Response>;
  /** Opens or resumes a stream. */
  get(request: Request, caller: Caller): Promise<Response>;
  /** Ends a session. */
  delete(request: Request, caller: Caller): Promise<Response>;
  /** Ends all streams and drops everything from memory. Records stay. */
  close(): Promise<void>;
}

/** Makes the sessions of one process; `close()` ends its timer. */
export function createSessions(options: SessionsOptions): Sessions {
  const { store, eventLog, clock, log, maxLive = 1000, liveIdleMs = 60_000 } = options;
  const live = createLiveSessions({ clock, log, maxLive, liveIdleMs });
  const oneByOne = createTaskQueue();
  let closed = false;
  let ticking = false;
  const stopTicking = clock.every(Math.min(MAX_TICK_MS, options.idleMs / 2), () => void tick());

  async function open(body: InitializeRequest & JSONRPCRequest, caller: Caller, exchange: Exchange): Promise<Response> {
    const { protocolVersion, capabilities, clientInfo } = body.params;
    const initialize = JSON.stringify({ protocolVersion, capabilities, clientInfo });
    if (initialize.length > MAX_INITIALIZE_CHARS) return initializeTooLargeResponse(body.id);
    const record: SessionRecord = {
      // Two, since one has 122 random bits, and an id no less than 128. Node.js draws those of UUIDs in advance.
      id: crypto.randomUUID() + crypto.randomUUID(),
      principal: principalKey(caller),
      createdAt: clock.now(),
      initialize,
      initialized: false,
      subscriptions: [],
    };
    if (!(await oneByOne(() => createWithinCaps(record)))) {
      log.warn('no room for a session; MCP_MAX_SESSIONS and MCP_MAX_SESSIONS_PER_PRINCIPAL set how many there may be');
      return unavailableResponse('Too many sessions', RETRY_AFTER_SECONDS, body.id);
    }
    if (closed) {
      await end(record.id);
      return stoppingResponse(body.id);
    }
    try {
      const response = await live.use(
        record.id,
        () => build(record.id, caller),
        (session) => session.post(body, exchange),
      );
      if (!response?.ok) await end(record.id);
      return response ?? endedResponse(body);
    } catch (error) {
      await end(record.id);
      throw error;
    }
  }

  async function createWithinCaps(record: SessionRecord): Promise<boolean> {
    const { principal } = record;
    const tooMany = principal !== '' && (await store.count(principal)) >= options.maxSessionsPerPrincipal;
    if (tooMany && !(await makeRoom(options.maxSessionsPerPrincipal, principal))) return false;
    if ((await store.count()) >= options.maxSessions && !(await makeRoom(options.maxSessions))) return false;
    await store.create(record);
    return true;
  }

  /** Ends the longest unused of `count` sessions that has nothing attached; `false` when there is none. */
  async function makeRoom(count: number, principal?: string): Promise<boolean> {
    for (let visited = 0; visited < count; visited += PAGE_SIZE) {
      for (const id of await store.leastRecentlyUsed(PAGE_SIZE, principal)) {
        if (!live.isAttached(id)) {
          await end(id);
          return true;
        }
        // It is in use, so it goes behind those that are not.
        await store.touch(id);
      }
    }
    return false;
  }

  async function end(id: string): Promise<void> {
    await store.delete(id);
    // Not before: a request that found the record until then may bring the session back to life meanwhile.
    await live.drop(id);
    await eventLog.delete(id);
  }

  async function build(id: string, caller: Caller, record?: SessionRecord): Promise<LiveSession> {
    const session = await createLiveSession({
      ...options,
      id,
      authInfo: caller.authInfo,
      save: (changes) => store.update(id, changes),
      onerror: (error) => log.debug('transport', { error: error.message }),
      ondetach() {
        live.detached(id);
        store.touch(id).catch((error: unknown) => log.error('a session was not touched', { error: String(error) }));
      },
    });
    try {
      if (record) await session.restore(record);
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /** Lets `answer` use the session that a request names, if its caller may; without an answer the session has ended. */
  async function inSession(
    request: Request,
    body: unknown,
    caller: Caller,
    answer: (record: SessionRecord) => Answer | Promise<Answer>,
  ): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    if (id === null) return missingSessionResponse(requestIdOf(body));
    // First, as 404 comes before any other refusal; what is refused for its version counts as use, too.
    const record = await store.use(id, principalKey(caller));
    if (!record) return sessionNotFoundResponse(requestIdOf(body));
    return refuseVersion(request) ?? (await answer(record)) ?? endedResponse(body);
  }

  /** Likewise, with the session in memory. */
  function serve(
    request: Request,
    body: unknown,
    caller: Caller,
    handle: (session: LiveSession) => Answer | Promise<Answer>,
  ): Promise<Response> {
    return inSession(request, body, caller, (record) =>
      closed ? undefined : live.use(record.id, () => build(record.id, caller, record), handle),
    );
  }

  /** The answer to a request whose session, or all of them, ended before there was one. */
  function endedResponse(body: unknown): Response {
    return closed ? stoppingResponse(requestIdOf(body)) : sessionNotFoundResponse(requestIdOf(body));
  }

  async function tick(): Promise<void> {
    if (ticking) return;
    ticking = true;
    try {
      live.dropIdle();
      for (const id of live.attached()) {
        // Without a record it was ended, maybe on another node, while a request brought it to life here.
        if (!(await store.touch(id))) await live.drop(id);
      }
      await eventLog.prune();
    } catch (error) {
      log.error('sessions could not be tidied', { error: String(error) });
    }
    ticking = false;
  }

  return {
    get live() {
      return live.size;
    },
    post(request, body, caller, accepted) {
      const exchange = { request, accepted, authInfo: caller.authInfo };
      if (methodOf(body) !== 'initialize') {
        return serve(request, body, caller, (session) => session.post(body, exchange));
      }
      // The SDK would take one without an id for a notification, and leave a session that nobody knows.
      if (!isJSONRPCRequest(body) || !isInitializeRequest(body)) return invalidInitializeResponse(requestIdOf(body));
      return open(body, caller, exchange);
    },
    get: (request, caller) => serve(request, undefined, caller, (session) => session.get(request)),
    delete: (request, caller) =>
      inSession(request, undefined, caller, async ({ id }) => {
        await end(id);
        return new Response(null, { status: 204 });
      }),
    async close() {
      closed = true;
      stopTicking();
      await live.clear();
    },
  };
}
