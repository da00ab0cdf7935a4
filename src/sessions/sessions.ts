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
  SUPPORTED_PROTOCOL_VERSIONS,
  type InitializeRequest,
  type McpServerFactory,
} from '@modelcontextprotocol/server';
import type { CallsInFlight } from '../calls-in-flight.ts';
import type { Caller } from '../caller.ts';
import type { Clock } from '../clock.ts';
import {
  bodyTooLargeResponse,
  invalidInitializeResponse,
  missingSessionResponse,
  requestIdOf,
  sessionNotFoundResponse,
  unavailableResponse,
  unsupportedVersionResponse,
} from '../errors.ts';
import { watchBody } from '../streams.ts';
import { createTaskQueue } from '../task-queue.ts';
import type { Logger } from '../telemetry/log.ts';
import type { EventLog } from './event-log.ts';
import { createLiveSession, type LiveSession } from './live-session.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** What a record may keep of what a client says of itself; icons as data fit, uploads do not. */
const MAX_INITIALIZE_BYTES = 32 * 1024;
/** When to come back for a session that there was no room for: some calls will have ended by then. */
const RETRY_AFTER_SECONDS = 10;
/** How often at most to look for what can be dropped. */
const MAX_TICK_MS = 15_000;
/** Sessions looked at to find one that can go; the rest was used more recently still. */
const MAX_VISITS = 100;

/** Options for {@link createSessions}. */
export interface SessionsOptions {
  /** Builds the server of a session; the context says `legacy`. */
  createServer: McpServerFactory;
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
  /** Sessions in memory at once; one with something attached stays beyond that. @default 1000 */
  maxLive?: number;
  /** How long one with nothing attached stays in memory, in milliseconds. @default 60000 */
  liveIdleMs?: number;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
}

/** Serves the requests of the 2025 revisions. */
export interface Sessions {
  /** How many are in memory. */
  readonly live: number;
  /** Serves one request: GET, DELETE, or POST with its parsed body. */
  handle(request: Request, body: unknown, caller: Caller): Promise<Response>;
  /** Ends all streams and drops everything from memory. Records stay. */
  close(): Promise<void>;
}

interface LiveEntry {
  session: Promise<LiveSession>;
  /** Requests being handled and streams being read. */
  attached: number;
  detachedAt: number;
  /** Calls that run on although nobody is attached. */
  running: () => number;
}

/** Makes the sessions of one process; `close()` ends its timer. */
export function createSessions(options: SessionsOptions): Sessions {
  const { store, eventLog, clock, log, maxLive = 1000, liveIdleMs = 60_000 } = options;
  const live = new Map<string, LiveEntry>();
  const oneByOne = createTaskQueue();
  const stopTicking = clock.every(Math.min(MAX_TICK_MS, options.idleMs / 2), () => {
    tick().catch((error: unknown) => log.error('sessions could not be tidied', { error: String(error) }));
  });

  async function open(request: Request, body: InitializeRequest, caller: Caller): Promise<Response> {
    if (JSON.stringify(body).length > MAX_INITIALIZE_BYTES) return bodyTooLargeResponse(MAX_INITIALIZE_BYTES);
    const record: SessionRecord = {
      id: randomId(),
      principal: caller.principal,
      createdAt: clock.now(),
      initialize: body.params,
      initialized: false,
      subscriptions: [],
    };
    if (!(await oneByOne(() => createWithinCaps(record)))) {
      log.warn('no room for a session; MCP_MAX_SESSIONS and MCP_MAX_SESSIONS_PER_PRINCIPAL set how many there may be');
      return unavailableResponse('Too many sessions', RETRY_AFTER_SECONDS, requestIdOf(body));
    }
    try {
      const response = await serve(record.id, enliven(record.id, caller), request, body, caller);
      if (!response.ok) await end(record.id);
      return response;
    } catch (error) {
      await end(record.id);
      throw error;
    }
  }

  async function createWithinCaps(record: SessionRecord): Promise<boolean> {
    const { principal } = record;
    const tooMany = principal !== '' && (await store.count(principal)) >= options.maxSessionsPerPrincipal;
    if (tooMany && !(await makeRoom(principal))) return false;
    if ((await store.count()) >= options.maxSessions && !(await makeRoom())) return false;
    await store.create(record);
    return true;
  }

  /** Ends the longest unused session with nothing attached to it; `false` when there is none. */
  async function makeRoom(principal?: string): Promise<boolean> {
    for (const id of await store.leastRecentlyUsed(MAX_VISITS, principal)) {
      const entry = live.get(id);
      if (entry && isAttached(entry)) continue;
      await end(id);
      return true;
    }
    return false;
  }

  async function end(id: string): Promise<void> {
    await store.delete(id);
    // Not before: a request that found the record until then may bring the session back to life meanwhile.
    await drop(id);
    await eventLog.delete(id);
  }

  async function drop(id: string): Promise<void> {
    const entry = live.get(id);
    live.delete(id);
    const session = await entry?.session.catch(() => undefined);
    await session?.close();
  }

  async function build(id: string, caller: Caller, record?: SessionRecord): Promise<LiveSession> {
    const session = await createLiveSession({
      ...options,
      id,
      authInfo: caller.authInfo,
      save: (changes) => store.update(id, changes),
      onerror: (error) => log.debug('transport', { error: error.message }),
    });
    try {
      if (record) await session.restore(record);
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  /** The session in memory, brought there if it is not. Requests that come meanwhile share it. */
  function enliven(id: string, caller: Caller, record?: SessionRecord): LiveEntry {
    const known = live.get(id);
    const entry = known ?? { session: build(id, caller, record), attached: 0, detachedAt: 0, running: () => 0 };
    // Taken out and put in again, it is the last of the map, which is thus in order of use.
    live.delete(id);
    live.set(id, entry);
    if (known) return known;
    entry.session.then(
      (session) => (entry.running = () => session.running),
      () => live.get(id) === entry && live.delete(id),
    );
    return entry;
  }

  async function serve(
    id: string,
    entry: LiveEntry,
    request: Request,
    body: unknown,
    caller: Caller,
  ): Promise<Response> {
    // From here to `detach` nothing drops it for being unused.
    entry.attached += 1;
    trim();
    const detach = () => {
      entry.attached -= 1;
      entry.detachedAt = clock.now();
      store.touch(id).catch((error: unknown) => log.error('a session was not touched', { error: String(error) }));
    };
    try {
      const session = await entry.session;
      return watchBody(await session.handle(request, body, caller.authInfo), detach);
    } catch (error) {
      detach();
      throw error;
    }
  }

  /** Drops what is too much in memory, the longest unused first. */
  function trim(): void {
    let visits = MAX_VISITS;
    for (const [id, entry] of live) {
      if (live.size <= maxLive || visits-- <= 0) return;
      if (!isAttached(entry)) {
        dropLater(id);
        continue;
      }
      // In use, so it goes to the end: streams that stay open would otherwise be all that is looked at.
      live.delete(id);
      live.set(id, entry);
    }
  }

  async function tick(): Promise<void> {
    // A copy: requests move their sessions to the end, and a loop that awaits would follow them for ever.
    for (const [id, entry] of Array.from(live)) {
      if (live.get(id) !== entry) continue;
      // Without a record it was ended, maybe on another node, while a request brought it to life here.
      const isOver = isAttached(entry) ? !(await store.touch(id)) : entry.detachedAt <= clock.now() - liveIdleMs;
      if (isOver) dropLater(id);
    }
    await eventLog.prune();
  }

  function dropLater(id: string): void {
    drop(id).catch((error: unknown) => log.error('a session was not dropped', { error: String(error) }));
  }

  return {
    get live() {
      return live.size;
    },
    async handle(request, body, caller) {
      if (request.method === 'POST' && isInitialize(body)) {
        // The SDK would take one without an id for a notification, and leave a session that nobody knows.
        if (!isJSONRPCRequest(body) || !isInitializeRequest(body)) return invalidInitializeResponse(requestIdOf(body));
        return open(request, body, caller);
      }
      const id = request.headers.get('mcp-session-id');
      if (id === null) return missingSessionResponse(requestIdOf(body));
      const record = await store.get(id);
      if (record?.principal !== caller.principal) return sessionNotFoundResponse(requestIdOf(body));
      if (request.method === 'DELETE') {
        // The transport checks this for the other methods.
        const version = request.headers.get('mcp-protocol-version');
        if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
          return unsupportedVersionResponse(SUPPORTED_PROTOCOL_VERSIONS);
        }
        await end(id);
        return new Response(null, { status: 204 });
      }
      return serve(id, enliven(id, caller, record), request, body, caller);
    },
    async close() {
      stopTicking();
      await Promise.all([...live.keys()].map(drop));
    },
  };
}

function isInitialize(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'method' in body && body.method === 'initialize';
}

/** 128 random bits as hexadecimal digits. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isAttached({ attached, running }: LiveEntry): boolean {
  return attached > 0 || running() > 0;
}
