/**
 * The request's way, from top to bottom: health → log → Host and Origin → CORS → metadata → who is calling, and how
 * often → `/mcp`. A check of your own is one more `app.use(…)` in its place.
 */
import type { ServerEventBus } from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import { createAuthorization } from './auth/authorization.ts';
import type { Authenticate } from './auth/bearer.ts';
import type { Caller } from './auth/caller.ts';
import { exposure, isAuthorized, loadConfig, type Config } from './config/config.ts';
import { loggingFailures } from './endpoint/create-server.ts';
import { createMcpEndpoint, type McpEndpoint } from './endpoint/mcp-endpoint.ts';
import { createModern } from './endpoint/modern.ts';
import { createStateless } from './endpoint/stateless.ts';
import { createCallsInFlight } from './lib/calls-in-flight.ts';
import { systemClock, type Clock } from './lib/clock.ts';
import type { Lifecycle } from './lib/lifecycle.ts';
import { createMemoryEventLog } from './memory/memory-event-log.ts';
import { createMemorySessionStore } from './memory/memory-session-store.ts';
import { internalErrorResponse, notFoundResponse } from './protocol/errors.ts';
import { browserAccess } from './security/cors.ts';
import { createHostOriginPolicy, hostOrigin } from './security/host-origin.ts';
import { authenticated, rateLimited, type Admit } from './security/rate-limit.ts';
import { clientAddress } from './security/trusted-proxies.ts';
import type { EventLog } from './sessions/event-log.ts';
import type { SessionStore } from './sessions/session-store.ts';
import { Sessions, type LegacyRequests } from './sessions/sessions.ts';
import { health } from './telemetry/health.ts';
import { createLogger, type Logger } from './telemetry/log.ts';
import { logFailure, requestLog, throwErrors } from './telemetry/request-log.ts';
import type { CreateServer } from './tools.ts';

/** Options for {@link createApp}. Each part that is left out is made from the settings. */
export interface AppOptions {
  /** The settings. @default those of an empty environment: loopback, nobody authenticated, sessions in memory */
  config?: Config;
  /** @default lines on stderr, from the level that the settings say */
  log?: Logger;
  /** @default systemClock */
  clock?: Clock;
  /** Who is calling, or the answer to whoever may not call. @default what the settings say */
  authenticate?: Authenticate;
  /** Asks the authorization server. @default the global fetch */
  fetch?: typeof fetch;
  /** Whom a connection is with, on this runtime. @default unknown, so that all callers without a principal count as one */
  connInfo?: GetConnInfo;
  /** Keeps session records. @default in memory */
  sessionStore?: SessionStore;
  /** Keeps events for clients that come back. @default in memory */
  eventLog?: EventLog;
  /**
   * Where changes are published for clients of 2026-07-28 that listen (`subscriptions/listen`):
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
  /** Answers a request; `env` is what the runtime's adapter passes for `connInfo`. */
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
  /**
   * Stops: turns away what is new, waits for the calls in flight, then ends every stream. Resolves to the number of
   * calls that were cut because `MCP_DRAIN_SECONDS` were over. Sessions may go on calling until then, so a busy one can
   * use the time up.
   */
  drain(): Promise<number>;
}

/** What middleware hands on to the routes. */
type Env = { Variables: { caller: Caller } };

/**
 * Makes an app; `drain()` ends what it holds.
 *
 * @param createServer - Builds an MCP server; called for each session, and for each request where there is no session.
 */
export function createApp(createServer: CreateServer, options: AppOptions = {}): App {
  const { config = loadConfig({}), clock = systemClock } = options;
  // oxlint-disable-next-line no-console -- stderr, on every runtime.
  const { log = createLogger({ level: config.logLevel, write: (line) => console.error(line) }) } = options;
  const lifecycle: Lifecycle = { phase: 'serving' };
  const callsInFlight = createCallsInFlight();
  const authorization = createAuthorization({ config, log, clock, fetch: options.fetch ?? fetch });
  const admit = withRateLimit(options.authenticate ?? authorization.authenticate, config, log);
  const mcp = createEndpoint(createServer, { ...options, config, clock, log, lifecycle, callsInFlight });

  const app = new Hono<Env>();
  app.use(health(lifecycle));
  app.use(requestLog(log, clock));
  app.use(throwErrors);
  app.use(hostOrigin(createHostOriginPolicy(config), log));
  app.use(browserAccess());
  app.all('/.well-known/*', (c) => authorization.metadata(c.req.raw));
  app.use(
    '/mcp',
    authenticated(admit, (c) =>
      clientAddress(options.connInfo?.(c).remote.address, c.req.header('x-forwarded-for') ?? null, config.trustProxy),
    ),
  );
  app.all('/mcp', (c) => mcp.handle(c.req.raw, c.get('caller')));
  app.notFound(() => notFoundResponse());
  app.onError((error) => {
    logFailure(log, error);
    return internalErrorResponse();
  });

  return {
    fetch: (request, env) => app.fetch(request, env),
    async drain() {
      lifecycle.phase = 'draining';
      await callsInFlight.idleWithin(config.drainSeconds * 1000, clock);
      const cut = callsInFlight.count;
      lifecycle.phase = 'stopped';
      await mcp.close();
      return cut;
    },
  };
}

/** Where only this machine calls, and callers are not authenticated, nobody needs protection from anybody else. */
function withRateLimit(authenticate: Authenticate, config: Config, log: Logger): Admit {
  const isShared = isAuthorized(config) || exposure(config) !== undefined;
  return config.rateLimit > 0 && isShared ? rateLimited(authenticate, { limit: config.rateLimit, log }) : authenticate;
}

type EndpointParts = AppOptions & {
  config: Config;
  clock: Clock;
  log: Logger;
  lifecycle: Readonly<Lifecycle>;
  callsInFlight: ReturnType<typeof createCallsInFlight>;
};

/** `/mcp`, with what serves each era. */
function createEndpoint(
  createServer: CreateServer,
  parts: EndpointParts,
): { handle: McpEndpoint; close(): Promise<void> } {
  const { config, log, clock, streamAfterMs = 100 } = parts;
  const shared = {
    ...parts,
    createServer: loggingFailures(createServer, log),
    keepAliveMs: config.keepAliveSeconds * 1000,
    shortcuts: config.shortcuts,
    streamAfterMs,
    onerror: (error: Error) => log.debug('transport', { error: error.message }),
  };
  const idleMs = config.sessionIdleSeconds * 1000;
  const legacy: LegacyRequests =
    config.sessions === 'stateless'
      ? createStateless(shared)
      : new Sessions({
          ...config,
          ...shared,
          // Its failures reach `onError` above, and are logged there.
          createServer,
          idleMs,
          store: parts.sessionStore ?? createMemorySessionStore({ idleMs, clock }),
          eventLog: parts.eventLog ?? createMemoryEventLog({ clock }),
        });
  const modern = createModern({ ...shared, bus: parts.bus });
  return {
    handle: createMcpEndpoint({ ...shared, legacy, modern, maxBodyBytes: config.maxBodyBytes }),
    async close() {
      await Promise.all([modern.close(), legacy.close()]);
    },
  };
}
