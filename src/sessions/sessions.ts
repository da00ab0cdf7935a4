/**
 * The sessions of the 2025 revisions: opens, finds, activates and ends them.
 *
 * A session is its record (`session-store.ts`). The sessions in memory are a cache (`live-sessions.ts`): a session is
 * activated when a request arrives, and stays in memory as long as it lasts, within bounds. The statuses of the specification
 * are decided here: 400 without a session id, 404 for a session that does not exist or is not the caller's, 503 when
 * there is no room for another.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
 */
import {
  isInitializeRequest,
  type InitializeRequest,
  type LoggingMessageNotificationParams,
} from '@modelcontextprotocol/server';
import { principalKey, type Caller } from '../auth/caller.ts';
import type { OnSessionEnd } from '../context/context.ts';
import type { StateStore } from '../contracts/state-store.ts';
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
import { jsonText } from '../protocol/json.ts';
import { isLogged, logMessage } from '../protocol/log-message.ts';
import { withoutQuotes, type Logger } from '../telemetry/log.ts';
import type { LossLog } from '../telemetry/loss-log.ts';
import type { Metrics } from '../signals/metrics.ts';
import { createCallDeadlines, type Answer, type CallDeadlines } from '../transport/call.ts';
import { refuseVersion, type LegacyRequests, type McpRequest, type PostExchange } from '../transport/exchange.ts';
import { Audience } from './change-listener.ts';
import { GET_STREAM_ID } from '../streams/stream-log.ts';
import { createLiveSession, type LiveSession, type LiveSessionParts } from './live-session.ts';
import { LiveSessions } from './live-sessions.ts';
import { createSessionCaps, type CreateWithinCaps } from './session-caps.ts';
import { createSessionEnd, type SessionEnd } from './session-end.ts';
import { startUpkeep } from './session-upkeep.ts';
import type { SessionChanges, SessionRecord, SessionStore } from '../contracts/session-store.ts';

/** Longest `initialize` parameters that a record keeps, as JSON. Small icons fit, uploads do not. */
const MAX_INITIALIZE_CHARS = 16 * 1024;
/** When to retry if there was no room for a session: by then some calls will have ended. */
const RETRY_AFTER_SECONDS = 10;

/** Calls back now and then: whether memory is short. The returned function ends that. */
export type WatchMemory = (onReading: (isShort: boolean) => void) => () => void;

/** Options for {@link Sessions}. */
export interface SessionsOptions extends Omit<LiveSessionParts, 'deadlines' | 'audience'> {
  store: SessionStore;
  /** Keeps the state of sessions, which ends with them. */
  stateStore: StateStore;
  /** Called once for each session that has ended. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  lifecycle: Readonly<Lifecycle>;
  log: Logger;
  /** The store's idle time, in milliseconds. A session with something attached is touched often enough to outlast it. */
  idleMs: number;
  /** Most sessions at a time. */
  maxSessions: number;
  /** Most sessions of one authenticated principal at a time. */
  maxSessionsPerPrincipal: number;
  /** Most idle sessions in memory at a time. With 0, none stays after it has answered a POST, even if it has a GET stream. */
  maxLive: number;
  /** How long an idle session stays in memory, in milliseconds. @default as long as the session: `idleMs` */
  liveIdleMs?: number | undefined;
  /** When memory is short, idle sessions are dropped from it. @default never */
  watchMemory?: WatchMemory;
  /** Hears of servers that are dropped although their session goes on. */
  losses: LossLog;
  /** How long a call may take before its answer becomes a stream, in milliseconds. */
  streamAfterMs: number;
  /** How long a call may run without progress before it is cancelled, in milliseconds; 0 for any time. */
  callTimeoutMs: number;
  /** Hears of each session that has ended. @default nobody does */
  metrics?: Pick<Metrics, 'sessionEnded'> | undefined;
}

/** The sessions of this process; `close()` ends its timer. */
export class Sessions implements LegacyRequests {
  readonly allow = 'POST, GET, DELETE';
  readonly #options: SessionsOptions;
  readonly #live: LiveSessions;
  readonly #ending: SessionEnd;
  readonly #createWithinCaps: CreateWithinCaps;
  readonly #deadlines: CallDeadlines;
  /** What all live sessions share: not all options, settings included, of which each would have several copies. */
  readonly #parts: LiveSessionParts;
  readonly #stopUpkeep: () => void;
  readonly #unsubscribe: () => void;
  readonly #stopWatching: (() => void) | undefined;

  constructor(options: SessionsOptions) {
    const { idleMs, liveIdleMs = idleMs } = options;
    this.#options = options;
    this.#deadlines = createCallDeadlines(options);
    const audience = new Audience();
    this.#parts = partsOf(options, this.#deadlines, audience);
    this.#live = new LiveSessions({ ...options, liveIdleMs: Math.min(liveIdleMs, idleMs) });
    this.#ending = createSessionEnd({ ...options, drop: (id) => this.#live.drop(id) });
    this.#stopWatching = options.watchMemory?.((isShort) => this.#live.fitMemory(isShort));
    this.#createWithinCaps = createSessionCaps({
      ...options,
      isInUse: (id) => this.#live.isAttached(id),
      end: (id) => this.#ending.end(id, 'evicted'),
    });
    this.#unsubscribe = options.changes.subscribe((event) => audience.tell(event));
    this.#stopUpkeep = startUpkeep({ ...options, live: this.#live, ending: this.#ending });
  }

  /** How many sessions are in memory. */
  get live(): number {
    return this.#live.size;
  }

  async post(exchange: PostExchange): Promise<Response> {
    const { incoming } = exchange;
    if (incoming.kind === 'initialize') return this.#initialize(exchange);
    // Without an id, the SDK would take it for a notification, and nobody would learn the id of the session.
    if (incoming.method === 'initialize') return invalidInitializeResponse(null);
    return this.#serve(exchange, incoming.id, (session) => session.answer(exchange));
  }

  async get(received: McpRequest): Promise<Response> {
    const { eventStream } = readAccept(received.request.headers.get('accept'));
    if (!eventStream) return notAcceptableResponse('text/event-stream');
    return this.#serve(received, null, (session, { toldChange }) => session.openStream(received, toldChange));
  }

  async log(id: string, params: LoggingMessageNotificationParams): Promise<void> {
    // Not that of a session in memory, which may have missed what another node was told.
    const record = await this.#options.store.get(id);
    if (!record || !isLogged(params.level, record.logLevel)) return;
    const session = await this.#live.find(id);
    if (session) return session.log(params);
    // Its server would have to be built for a caller who is not here. The message waits in the log for the next stream.
    await this.#options.eventLog.append(id, GET_STREAM_ID, jsonText(logMessage(params)), { mayBeLost: true });
  }

  delete(received: McpRequest): Promise<Response> {
    return this.#inSession(received, null, async ({ id }) => {
      await this.#ending.end(id, 'deleted');
      return new Response(null, { status: 204 });
    });
  }

  async close(): Promise<void> {
    this.#stopUpkeep();
    this.#unsubscribe();
    this.#stopWatching?.();
    await this.#live.clear();
    this.#deadlines.close();
  }

  async #initialize(exchange: PostExchange): Promise<Response> {
    const { incoming, caller, report } = exchange;
    const [request] = incoming.requests;
    if (!isInitializeRequest(request)) return invalidInitializeResponse(incoming.id);
    if (this.#options.lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
    const record = this.#recordOf(request, caller);
    if (record.initialize.length > MAX_INITIALIZE_CHARS) return initializeTooLargeResponse(incoming.id);
    if (!(await this.#createWithinCaps(record))) {
      const remedy = 'MCP_MAX_SESSIONS and MCP_MAX_SESSIONS_PER_PRINCIPAL set the limits';
      this.#options.log.warn(`too many sessions; ${remedy}`, { requestId: report.id });
      return unavailableResponse('Too many sessions', RETRY_AFTER_SECONDS, incoming.id);
    }
    if (this.#isStopped) {
      // It never had a server, so there is nobody to tell.
      await this.#options.store.delete(record.id);
      return stoppingResponse(incoming.id);
    }
    let response: Answer;
    try {
      const answer = async (session: LiveSession) => {
        const answered = await session.answer(exchange);
        session.describe(report);
        return answered;
      };
      report.sessionId = record.id;
      response = await this.#activate(record, exchange, answer, true);
    } finally {
      if (!response?.ok) await this.#ending.end(record.id, 'deleted');
    }
    return response ?? this.#endedResponse(incoming.id);
  }

  #recordOf({ params }: InitializeRequest, caller: Caller): SessionRecord {
    const { protocolVersion, capabilities, clientInfo } = params;
    return {
      // Two UUIDs, since an id needs 128 random bits and a UUID has 122. Node.js generates them in batches.
      id: crypto.randomUUID() + crypto.randomUUID(),
      principal: principalKey(caller),
      createdAt: this.#options.clock.now(),
      initialize: JSON.stringify({ protocolVersion, capabilities, clientInfo }),
      initialized: false,
      subscriptions: [],
      toldChange: this.#options.changes.last,
      version: 1,
    };
  }

  /** Serves a request with the live session that it names. */
  #serve(
    received: McpRequest,
    requestId: string | number | null,
    handle: (session: LiveSession, record: SessionRecord) => Answer | Promise<Answer>,
  ): Promise<Response> {
    return this.#inSession(received, requestId, (record) => {
      if (this.#isStopped) return undefined;
      return this.#activate(record, received, (session) => {
        session.describe(received.report);
        if (!session.isOlderThan(record.version)) return handle(session, record);
        return session.update(record).then(() => handle(session, record));
      });
    });
  }

  /** Passes the record of the session that a request names to `answer`, if the caller owns it. Without an answer, the session has ended. */
  async #inSession(
    { headers, caller, report }: McpRequest,
    requestId: string | number | null,
    answer: (record: SessionRecord) => Answer | Promise<Answer>,
  ): Promise<Response> {
    const id = headers.sessionId;
    if (id === null) return missingSessionResponse(requestId);
    // Before the version is checked, since 404 takes precedence. A request with a wrong version counts as use, too.
    const record = await this.#options.store.use(id, principalKey(caller));
    if (!record) return sessionNotFoundResponse(requestId);
    report.sessionId = id;
    return refuseVersion(headers) ?? (await answer(record)) ?? this.#endedResponse(requestId);
  }

  #activate<T>(
    record: SessionRecord,
    { caller, report }: McpRequest,
    handle: (session: LiveSession) => T | Promise<T>,
    isNew = false,
  ): Promise<T> {
    const build = () => {
      report.isRehydration = !isNew;
      return this.#build(record, caller, isNew);
    };
    return this.#live.use(record.id, build, handle);
  }

  /** Builds a session's server, and repeats the handshake to it unless the session is new. */
  #build(record: SessionRecord, caller: Caller, isNew: boolean): Promise<LiveSession> {
    const { store, log } = this.#options;
    const { id } = record;
    const save = (changes: SessionChanges) => store.update(id, changes);
    const load = () => store.get(id);
    const onended = () => void this.#live.drop(id);
    const onerror = (error: Error) =>
      log.debug('a session could not do all of its work', { error: withoutQuotes(error) });
    const ondetach = () => {
      this.#live.detached(id);
      store.touch(id).catch((error: unknown) => log.error('a session could not be touched', { error: String(error) }));
    };
    const restored = isNew ? undefined : record;
    return createLiveSession({ id, caller, record: restored, save, load, onended, onerror, ondetach, ...this.#parts });
  }

  /** The answer to a request whose session ended, or whose server stopped, before there was one. */
  #endedResponse(requestId: string | number | null): Response {
    return this.#isStopped ? stoppingResponse(requestId) : sessionNotFoundResponse(requestId);
  }

  get #isStopped(): boolean {
    return this.#options.lifecycle.phase === 'stopped';
  }
}

function partsOf(options: SessionsOptions, deadlines: CallDeadlines, audience: Audience): LiveSessionParts {
  const { buildServer, eventLog, changes, relay, callsInFlight, openStreams, clock, keepAliveMs, maxCalls } = options;
  const shared = { buildServer, eventLog, changes, relay, callsInFlight, openStreams, clock, keepAliveMs, maxCalls };
  return { ...shared, deadlines, audience };
}
