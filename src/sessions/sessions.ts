/**
 * The sessions of the 2025 revisions: opens, finds, activates and ends them.
 *
 * Records are the truth (`session-store.ts`). What lives in memory is a cache (`live-sessions.ts`): built when a request
 * comes, dropped after a while with nothing attached. The specification's statuses are decided here: 400 without a
 * session id; 404 for a session that does not exist, or is not the caller's; 503 when there is no room.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
import { isInitializeRequest, type InitializeRequest } from '@modelcontextprotocol/server';
import { principalKey, type Caller } from '../auth/caller.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { readAccept } from '../protocol/accept.ts';
import {
  initializeTooLargeResponse,
  invalidInitializeResponse,
  missingSessionResponse,
  notAcceptableResponse,
  sessionNotFoundResponse,
  stoppingResponse,
  unavailableResponse,
} from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';
import type { Answer } from '../transport/call.ts';
import type { PostExchange } from '../transport/exchange.ts';
import { refuseVersion } from '../transport/http-transport.ts';
import type { EventLog } from './event-log.ts';
import { createLiveSession, type LiveSession } from './live-session.ts';
import { LiveSessions } from './live-sessions.ts';
import { createSessionCaps, type CreateWithinCaps } from './session-caps.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** What a record may keep of what a client says of itself, as JSON; small icons fit, uploads do not. */
const MAX_INITIALIZE_CHARS = 16 * 1024;
/** When to come back for a session that there was no room for: some calls will have ended by then. */
const RETRY_AFTER_SECONDS = 10;
/** The longest pause between two looks for what can be dropped. */
const MAX_TICK_MS = 15_000;

/** Serves the 2025 revisions, with sessions or without. */
export interface LegacyRequests {
  /** The methods there are, for `Allow`. */
  readonly allow: string;
  /** Answers a POST. */
  post(exchange: PostExchange): Promise<Response>;
  /** Opens or resumes a stream. */
  get(request: Request, caller: Caller): Promise<Response>;
  /** Ends a session. */
  delete(request: Request, caller: Caller): Promise<Response>;
  /** Ends all streams and cuts what is still running. Records stay. */
  close(): Promise<void>;
}

/** Options for {@link Sessions}. */
export interface SessionsOptions {
  /** Builds the server of a session; the context says `legacy`. */
  createServer: CreateServer;
  store: SessionStore;
  eventLog: EventLog;
  callsInFlight: CallsInFlight;
  lifecycle: Readonly<Lifecycle>;
  clock: Clock;
  log: Logger;
  /** The store's idle time, in milliseconds; a session with something attached is touched often enough to outlast it. */
  idleMs: number;
  /** Sessions at once. */
  maxSessions: number;
  /** Sessions of one authenticated principal at once. */
  maxSessionsPerPrincipal: number;
  /** Idle sessions in memory at once; those with something attached do not count. @default 1000 */
  maxLive?: number;
  /** How long an idle session stays in memory, in milliseconds. @default 60000 */
  liveIdleMs?: number;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** How long a call may take before its answer becomes a stream, in milliseconds. */
  streamAfterMs: number;
}

/** The sessions of one process; `close()` ends its timer. */
export class Sessions implements LegacyRequests {
  readonly allow = 'POST, GET, DELETE';
  readonly #options: SessionsOptions;
  readonly #live: LiveSessions;
  readonly #createWithinCaps: CreateWithinCaps;
  readonly #stopTicking: () => void;
  #isTicking = false;

  constructor(options: SessionsOptions) {
    const { clock, log, maxLive = 1000, liveIdleMs = 60_000 } = options;
    this.#options = options;
    this.#live = new LiveSessions({ clock, log, maxLive, liveIdleMs });
    this.#createWithinCaps = createSessionCaps({
      ...options,
      isInUse: (id) => this.#live.isAttached(id),
      end: (id) => this.#end(id),
    });
    this.#stopTicking = clock.every(Math.min(MAX_TICK_MS, options.idleMs / 2), () => void this.#tick());
  }

  /** How many are in memory. */
  get live(): number {
    return this.#live.size;
  }

  async post(exchange: PostExchange): Promise<Response> {
    const { incoming, request, caller } = exchange;
    if (incoming.kind === 'initialize') return this.#initialize(exchange);
    // The SDK would take one without an id for a notification, and leave a session that nobody knows.
    if (incoming.method === 'initialize') return invalidInitializeResponse(null);
    return this.#serve(request, incoming.id, caller, (session) => session.post(exchange));
  }

  async get(request: Request, caller: Caller): Promise<Response> {
    if (!readAccept(request.headers.get('accept')).eventStream) return notAcceptableResponse('text/event-stream');
    return this.#serve(request, null, caller, (session) => session.get(request, caller));
  }

  delete(request: Request, caller: Caller): Promise<Response> {
    return this.#inSession(request, null, caller, async ({ id }) => {
      await this.#end(id);
      return new Response(null, { status: 204 });
    });
  }

  async close(): Promise<void> {
    this.#stopTicking();
    await this.#live.clear();
  }

  async #initialize(exchange: PostExchange): Promise<Response> {
    const { incoming, caller } = exchange;
    const [request] = incoming.requests;
    if (!isInitializeRequest(request)) return invalidInitializeResponse(incoming.id);
    if (this.#options.lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
    const record = this.#recordOf(request, caller);
    if (record.initialize.length > MAX_INITIALIZE_CHARS) return initializeTooLargeResponse(incoming.id);
    if (!(await this.#createWithinCaps(record))) {
      const remedy = 'MCP_MAX_SESSIONS and MCP_MAX_SESSIONS_PER_PRINCIPAL set how many there may be';
      this.#options.log.warn(`no room for a session; ${remedy}`);
      return unavailableResponse('Too many sessions', RETRY_AFTER_SECONDS, incoming.id);
    }
    let response: Answer;
    try {
      if (!this.#isStopped) response = await this.#activate(record.id, caller, (session) => session.post(exchange));
    } finally {
      if (!response?.ok) await this.#end(record.id);
    }
    return response ?? this.#endedResponse(incoming.id);
  }

  #recordOf({ params }: InitializeRequest, caller: Caller): SessionRecord {
    const { protocolVersion, capabilities, clientInfo } = params;
    return {
      // Two, since one has 122 random bits, and an id needs 128. Node.js draws those of UUIDs in advance.
      id: crypto.randomUUID() + crypto.randomUUID(),
      principal: principalKey(caller),
      createdAt: this.#options.clock.now(),
      initialize: JSON.stringify({ protocolVersion, capabilities, clientInfo }),
      initialized: false,
      subscriptions: [],
    };
  }

  /** Serves a request with the session that it names, in memory. */
  #serve(
    request: Request,
    id: string | number | null,
    caller: Caller,
    handle: (session: LiveSession) => Answer | Promise<Answer>,
  ): Promise<Response> {
    return this.#inSession(request, id, caller, (record) =>
      this.#isStopped ? undefined : this.#activate(record.id, caller, handle, record),
    );
  }

  /** Lets `answer` use the record of the session that a request names, if its caller may; without an answer the session has ended. */
  async #inSession(
    request: Request,
    requestId: string | number | null,
    caller: Caller,
    answer: (record: SessionRecord) => Answer | Promise<Answer>,
  ): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    if (id === null) return missingSessionResponse(requestId);
    // First, as 404 comes before any other refusal; what is refused for its version counts as use, too.
    const record = await this.#options.store.use(id, principalKey(caller));
    if (!record) return sessionNotFoundResponse(requestId);
    return refuseVersion(request) ?? (await answer(record)) ?? this.#endedResponse(requestId);
  }

  #activate<T>(
    id: string,
    caller: Caller,
    handle: (session: LiveSession) => T | Promise<T>,
    record?: SessionRecord,
  ): Promise<T> {
    return this.#live.use(id, () => this.#build(id, caller, record), handle);
  }

  /** @param record - What is repeated to the server; `undefined` for a session that is about to be opened. */
  async #build(id: string, caller: Caller, record?: SessionRecord): Promise<LiveSession> {
    const { store, log } = this.#options;
    const session = await createLiveSession({
      ...this.#options,
      id,
      caller,
      save: (changes) => store.update(id, changes),
      onerror: (error) => log.debug('transport', { error: error.message }),
      ondetach: () => {
        this.#live.detached(id);
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

  async #end(id: string): Promise<void> {
    await this.#options.store.delete(id);
    // Not before: until then a request may find the record and activate the session again.
    await this.#live.drop(id);
    await this.#options.eventLog.delete(id);
  }

  /** The answer to a request whose session, or all of them, ended before there was one. */
  #endedResponse(requestId: string | number | null): Response {
    return this.#isStopped ? stoppingResponse(requestId) : sessionNotFoundResponse(requestId);
  }

  get #isStopped(): boolean {
    return this.#options.lifecycle.phase === 'stopped';
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      this.#live.dropIdle();
      for (const id of this.#live.attached()) {
        // Without a record the session was ended, perhaps on another node, while a request activated it here.
        if (!(await this.#options.store.touch(id))) await this.#live.drop(id);
      }
      await this.#options.eventLog.prune();
    } catch (error) {
      this.#options.log.error('sessions could not be tidied', { error: String(error) });
    }
    this.#isTicking = false;
  }
}
