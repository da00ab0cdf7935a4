/**
 * The way of a request, from top to bottom:
 * health → log → host and origin → CORS → who is calling → `/mcp`.
 *
 * Each step is a function that may answer; what none of them answers goes on to the next.
 */
import type { McpServerFactory, ServerEventBus } from '@modelcontextprotocol/server';
import { Hono, type MiddlewareHandler } from 'hono';
import { ANONYMOUS, type Caller } from './caller.ts';
import { createCallsInFlight } from './calls-in-flight.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Config } from './config.ts';
import { forbiddenResponse, internalErrorResponse, notFoundResponse } from './errors.ts';
import { createMcpEndpoint } from './mcp-endpoint.ts';
import { browserAccess } from './security/cors.ts';
import { createHostOriginPolicy, type HostOriginPolicy } from './security/host-origin.ts';
import type { EventLog } from './sessions/event-log.ts';
import { createMemoryEventLog } from './sessions/memory-event-log.ts';
import { createMemorySessionStore } from './sessions/memory-session-store.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Logger } from './telemetry/log.ts';

/** What an app is made from. */
export interface AppOptions {
  config: Config;
  /** Builds an MCP server; called for each session, and for each request of the 2026-07-28 revision. */
  createServer: McpServerFactory;
  log: Logger;
  /** @default systemClock */
  clock?: Clock;
  /** Who is calling, or the answer to whoever may not. @default nobody is asked */
  authenticate?: (request: Request) => Promise<Caller | Response>;
  /** Keeps session records. @default in memory */
  sessionStore?: SessionStore;
  /** Keeps events for clients that come back. @default in memory */
  eventLog?: EventLog;
  /**
   * Where changes are published for clients of the 2026-07-28 revision that listen (`subscriptions/listen`):
   * `bus.publish({ kind: 'tools_list_changed' })`. Their servers end with the request, and cannot tell them.
   * @default one of its own, on which nothing is published
   */
  bus?: ServerEventBus;
  /**
   * How long a call of the 2025 revisions may take before its answer becomes a stream that can be resumed, in
   * milliseconds. Sooner, it is one JSON body. @default 100
   */
  streamAfterMs?: number;
}

/** A server without a socket. */
export interface App {
  /** Answers a request. */
  fetch(request: Request): Response | Promise<Response>;
  /**
   * Stops: turns away what is new, waits for the calls in flight, then ends every stream. Resolves to the
   * number of calls that were cut because `MCP_DRAIN_SECONDS` were over. Sessions may go on calling until
   * then, so a busy one can use the time up.
   */
  drain(): Promise<number>;
}

/** Makes an app; `drain()` ends what it holds. */
export function createApp({ config, createServer, log, ...options }: AppOptions): App {
  const { clock = systemClock, authenticate = async () => ANONYMOUS, streamAfterMs = 100 } = options;
  const idleMs = config.sessionIdleSeconds * 1000;
  const shared = {
    createServer,
    log,
    clock,
    streamAfterMs,
    callsInFlight: createCallsInFlight(),
    keepAliveMs: config.keepAliveSeconds * 1000,
  };
  const { sessionStore = createMemorySessionStore({ idleMs, clock }), eventLog = createMemoryEventLog({ clock }) } =
    options;
  const sessions =
    config.sessions === 'stateful'
      ? createSessions({ ...config, ...shared, idleMs, store: sessionStore, eventLog })
      : undefined;
  const endpoint = createMcpEndpoint({ ...shared, sessions, maxBodyBytes: config.maxBodyBytes, bus: options.bus });
  let ready = true;

  const app = new Hono();
  app.get('/livez', (c) => c.text('ok'));
  app.get('/readyz', (c) => (ready ? c.text('ok') : c.text('stopping', 503)));
  app.use(requestLog(log, clock));
  app.use(hostAndOrigin(createHostOriginPolicy(config), log));
  app.use(browserAccess());
  app.all('/mcp', async ({ req: { raw: request } }) => {
    const caller = await authenticate(request);
    return caller instanceof Response ? caller : endpoint.handle(request, caller);
  });
  app.notFound(() => notFoundResponse());
  app.onError((error) => {
    log.error('a request failed', { error: String(error) });
    log.debug('a request failed', { stack: error.stack });
    return internalErrorResponse();
  });

  return {
    fetch: (request) => app.fetch(request),
    async drain() {
      ready = false;
      endpoint.refuseNew();
      const { callsInFlight } = shared;
      await callsInFlight.idleWithin(config.drainSeconds * 1000, clock);
      const cut = callsInFlight.count;
      await endpoint.close();
      return cut;
    },
  };
}

function requestLog(log: Logger, clock: Clock): MiddlewareHandler {
  return async (c, next) => {
    const start = clock.now();
    await next();
    const { method, path } = c.req;
    log[c.res.status < 500 ? 'debug' : 'warn']('request', {
      method,
      path,
      status: c.res.status,
      ms: clock.now() - start,
    });
  };
}

function hostAndOrigin(policy: HostOriginPolicy, log: Logger): MiddlewareHandler {
  return async ({ req: { raw: request } }, next) => {
    const refusal = policy.refuseHost(request) ?? policy.refuseOrigin(request);
    if (!refusal) return next();
    log.warn(refusal.message, { why: refusal.remedy });
    return forbiddenResponse(refusal.message);
  };
}
