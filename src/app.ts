/**
 * The way of a request, from top to bottom:
 * health → log → host and origin → CORS → metadata → who is calling, and how often → `/mcp`.
 *
 * What applies to every route is a function around their router, which answers itself or hands the request on.
 * Middleware would be composed anew for each request.
 */
import './shortcuts/zod-config.ts';
import './shortcuts/response-schemas.ts';
import type { ServerEventBus } from '@modelcontextprotocol/server';
import { Hono, type Context } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import { getPath } from 'hono/utils/url';
import { createAuthorization } from './auth/authorization.ts';
import type { Authenticate } from './auth/bearer.ts';
import { untilTokenExpires } from './transport/token-lifetime.ts';
import { createCallsInFlight } from './lib/calls-in-flight.ts';
import { systemClock, type Clock } from './lib/clock.ts';
import { exposure, isAuthorized, type Config } from './config/config.ts';
import type { CreateServer } from './tools.ts';
import { createDeadlines } from './lib/deadlines.ts';
import { forbiddenResponse, internalErrorResponse, notFoundResponse } from './protocol/errors.ts';
import type { FetchHandler } from './lib/fetch-handler.ts';
import { createMcpEndpoint } from './endpoint/mcp-endpoint.ts';
import { browserAccess } from './security/cors.ts';
import { createHostOriginPolicy, type HostOriginPolicy } from './security/host-origin.ts';
import { rateLimited, type Admit } from './security/rate-limit.ts';
import { clientAddress } from './security/trusted-proxies.ts';
import type { EventLog } from './sessions/event-log.ts';
import { createMemoryEventLog } from './memory/memory-event-log.ts';
import { createMemorySessionStore } from './memory/memory-session-store.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Logger } from './telemetry/log.ts';

/** What an app is made from. */
export interface AppOptions {
  config: Config;
  /** Builds an MCP server; called for each session, and for each request where there is none. */
  createServer: CreateServer;
  log: Logger;
  /** @default systemClock */
  clock?: Clock;
  /** Who is calling, or the answer to whoever may not. @default what the settings say */
  authenticate?: Authenticate;
  /** Asks the authorization server. @default the global fetch */
  fetch?: typeof fetch;
  /** Whom a connection is with, on this runtime. @default unknown, so that all callers without a principal are counted as one */
  connInfo?: GetConnInfo;
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
  fetch: FetchHandler;
  /**
   * Stops: turns away what is new, waits for the calls in flight, then ends every stream. Resolves to the
   * number of calls that were cut because `MCP_DRAIN_SECONDS` were over. Sessions may go on calling until
   * then, so a busy one can use the time up.
   */
  drain(): Promise<number>;
}

/** Makes an app; `drain()` ends what it holds. */
export function createApp({ config, createServer, log, ...options }: AppOptions): App {
  const { clock = systemClock, streamAfterMs = 100 } = options;
  const idleMs = config.sessionIdleSeconds * 1000;
  const shared = {
    createServer,
    log,
    clock,
    streamDeadlines: createDeadlines(streamAfterMs, clock),
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
  const authorization = createAuthorization({ config, log, clock, fetch: options.fetch ?? fetch });
  const admit = withLimit(options.authenticate ?? authorization.authenticate, config, log);
  let ready = true;

  // The log, the Host and Origin checks and CORS stand around every route here; who is calling is for the route to ask.
  const routes = new Hono();
  routes.all('/.well-known/*', (c) => authorization.metadata(c.req.raw));
  routes.all('/mcp', async (c) => {
    const { raw: request } = c.req;
    const caller = await admit(request, () => addressOf(c, config, options.connInfo));
    if (caller instanceof Response) return caller;
    return untilTokenExpires(await endpoint.handle(request, caller), caller, clock);
  });
  routes.notFound(() => notFoundResponse());
  // Here, so that pages can read it; what fails before is answered where it is logged.
  routes.onError((error) => failedResponse(error, log));

  const policy = createHostOriginPolicy(config);
  return {
    fetch: health(requestLog(hostAndOrigin(browserAccess(routes.fetch), policy, log), log, clock), () => ready),
    async drain() {
      ready = false;
      endpoint.refuseNew();
      const { callsInFlight } = shared;
      await callsInFlight.idleWithin(config.drainSeconds * 1000, clock);
      const cut = callsInFlight.count;
      await endpoint.close();
      shared.streamDeadlines.close();
      return cut;
    },
  };
}

/** Where only this machine calls, and nobody is asked, there is nobody to protect from somebody else. */
function withLimit(authenticate: Authenticate, config: Config, log: Logger): Admit {
  const isShared = isAuthorized(config) || exposure(config) !== undefined;
  return config.rateLimit > 0 && isShared ? rateLimited(authenticate, { limit: config.rateLimit, log }) : authenticate;
}

function addressOf(c: Context, { trustProxy }: Config, connInfo: GetConnInfo | undefined): string {
  return clientAddress(connInfo?.(c).remote.address, c.req.header('x-forwarded-for') ?? null, trustProxy);
}

/** Health checks come by address, and often: they are neither checked nor logged. */
function health(next: FetchHandler, isReady: () => boolean): FetchHandler {
  return (request, env) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next(request, env);
    switch (getPath(request)) {
      case '/livez':
        return new Response('ok');
      case '/readyz':
        return isReady() ? new Response('ok') : new Response('stopping', { status: 503 });
      default:
        return next(request, env);
    }
  };
}

function failedResponse(error: unknown, log: Logger): Response {
  log.error('a request failed', { error: String(error) });
  if (error instanceof Error) log.debug('a request failed', { stack: error.stack });
  return internalErrorResponse();
}

function requestLog(next: FetchHandler, log: Logger, clock: Clock): FetchHandler {
  return async (request, env) => {
    const start = clock.now();
    let response;
    try {
      response = await next(request, env);
    } catch (error) {
      response = failedResponse(error, log);
    }
    const { method } = request;
    const { status } = response;
    const ms = clock.now() - start;
    log[status < 500 ? 'debug' : 'warn']('request', { method, path: getPath(request), status, ms });
    return response;
  };
}

function hostAndOrigin(next: FetchHandler, policy: HostOriginPolicy, log: Logger): FetchHandler {
  return (request, env) => {
    const refusal = policy.refuseHost(request) ?? policy.refuseOrigin(request);
    if (!refusal) return next(request, env);
    log.warn(refusal.message, { why: refusal.remedy });
    return forbiddenResponse(refusal.message);
  };
}
