/**
 * What happens to a request, from top to bottom: health → report and log → server card → Host and Origin → CORS → metadata → the page
 * for browsers → authentication and rate limit → `/mcp`. To add a check of your own, put another `app.use(…)` where it belongs.
 */
import { Hono, type Context } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import { createAuthorization, type Authorization } from './auth/authorization.ts';
import type { Authenticate } from './auth/bearer.ts';
import type { Caller } from './auth/caller.ts';
import { CARD_PATH, createServerCardHandler, publicDocument } from './card/serve-card.ts';
import { loadConfig, type Config } from './config/config.ts';
import { clientUrls, exposure, isShared, signInOf } from './config/exposure.ts';
import type { CreateServer, OnSessionEnd } from './context/context.ts';
import { createNotifier, type Notifier } from './context/notifier.ts';
import type { Engines } from './contracts/engines.ts';
import { createEras } from './endpoint/eras.ts';
import { createMcpEndpoint } from './endpoint/mcp-endpoint.ts';
import { createGetPath } from './endpoint/path.ts';
import { readBytes } from './endpoint/read-message.ts';
import { createCallsInFlight } from './lib/calls-in-flight.ts';
import { systemClock, type Clock } from './lib/clock.ts';
import type { Lifecycle } from './lib/lifecycle.ts';
import { createMemoryEngines } from './memory/memory-engines.ts';
import { createConnectPage, redirectToPage } from './page/connect-page.ts';
import { createServerDescription, type ServerDescriptionOptions } from './page/server-description.ts';
import { internalErrorResponse, notFoundResponse } from './protocol/errors.ts';
import { browserAccess } from './security/cors.ts';
import { createHostOriginPolicy, hostOnly, hostOrigin } from './security/host-origin.ts';
import { authenticated, rateLimited, type Admit } from './security/rate-limit.ts';
import { requestIdOf } from './security/request-id.ts';
import { clientAddressOf } from './security/trusted-proxies.ts';
import type { WatchMemory } from './sessions/sessions.ts';
import { createCallWatcher } from './signals/call-watch.ts';
import type { Metrics } from './signals/metrics.ts';
import type { Tracing } from './signals/tracing.ts';
import { boundedLog } from './telemetry/bounded-log.ts';
import { alive, ready } from './telemetry/health.ts';
import { createLogger, type Logger } from './telemetry/log.ts';
import { logFailure, REQUEST_MESSAGE, requestLog } from './telemetry/request-log.ts';
import { requestReport, type ReportEnv, type RequestReport } from './telemetry/request-report.ts';
import { createShortHash } from './telemetry/short-hash.ts';

/** Options for {@link createApp}. The parts that are left out are made according to the settings, and engines in memory. */
export interface AppOptions extends Partial<Engines> {
  /** The settings. @default those of an empty environment: loopback, unauthenticated callers, sessions in memory */
  config?: Config;
  /** Gets at most 60 lines a minute with the same message. @default lines of JSON by `console.error`, at the level in the settings */
  log?: Logger;
  /** @default systemClock */
  clock?: Clock;
  /** Authenticates callers in place of the tokens in the settings. */
  authenticate?: Authenticate;
  /** Sends requests to the authorization server. @default the global `fetch` */
  fetch?: typeof fetch;
  /** Tells the address of a connection on this runtime. @default unknown: unauthenticated callers share one rate limit */
  connInfo?: GetConnInfo;
  /** Reads the body of a request on this runtime, or resolves to `undefined` if it is larger. @default by `arrayBuffer()` */
  readBody?: (c: Context, maxBytes: number) => Promise<Uint8Array | undefined>;
  /** Sets a header of the answer that is still to come, on this runtime. @default such headers are set once there is an answer */
  setHeader?: (c: Context, name: string, value: string) => void;
  /**
   * Tells whether the memory of this runtime is short: then servers of idle sessions are dropped.
   * @default never: only `MCP_MAX_LIVE_SESSIONS` bounds them
   */
  watchMemory?: WatchMemory;
  /** Whether the engines work at the moment, for `/readyz`. @default always */
  isAvailable?: () => boolean;
  /** Receives counts and durations. @default none */
  metrics?: Metrics | undefined;
  /** Makes spans. @default there are none */
  tracing?: Tracing | undefined;
  /** Tells clients what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier | undefined;
  /** Called once for each session that has ended, to remove what is kept for it elsewhere. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  /**
   * How long a call of the 2025 revisions may take before its answer becomes a stream that can be resumed, in
   * milliseconds. A faster answer is one JSON body. @default 100
   */
  streamAfterMs?: number;
}

/** A server without a socket. */
export interface App {
  /** Whether it is stopping. */
  readonly lifecycle: Readonly<Lifecycle>;
  /** Answers a request. `env` is what the adapter of the runtime passes on to `connInfo`, `readBody` and `setHeader`. */
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
  /**
   * Stops: refuses new sessions, waits for running calls, then ends every stream. Resolves to the number of calls that
   * were cut off after `MCP_DRAIN_SECONDS`. Existing sessions may call until then, so a busy one can use up the time.
   */
  drain(): Promise<number>;
}

const readRequest = (c: Context, maxBytes: number) => readBytes(c.req.raw, maxBytes);

/** What middleware passes on to the routes. */
type Env = ReportEnv & { Variables: { caller: Caller } };

/**
 * Makes an app; `drain()` ends what it holds.
 *
 * @param createServer - Builds an MCP server: one for each session, and one for each request without a session.
 */
export function createApp(createServer: CreateServer, options: AppOptions = {}): App {
  const { config = loadConfig({}), clock = systemClock } = options;
  const unbounded = config.logRequests ? [REQUEST_MESSAGE] : [];
  const log = boundedLog(options.log ?? createLogger({ level: config.logLevel }), () => clock.now(), unbounded);
  const lifecycle: Lifecycle = { phase: 'serving' };
  const callsInFlight = createCallsInFlight();
  const { authorization, admit } = createAdmission(config, { ...options, clock, log });
  const { readBody = readRequest, setHeader, notify = createNotifier() } = options;
  const engines = createMemoryEngines({ clock, log, idleMs: config.sessionIdleSeconds * 1000 });
  const calls = createCallWatcher({ ...options, clock });
  const shortHash = createShortHash(config.stateKeys[0]);
  const parts = { ...engines, ...options, config, clock, log, lifecycle, callsInFlight, notify, shortHash };
  const eras = createEras(createServer, parts);
  const handleMcp = createMcpEndpoint({ ...config, ...parts, ...eras, ...calls });

  const policy = createHostOriginPolicy(config);
  // A page must not find out which servers its visitor runs on this machine.
  const isPublic = exposure(config) !== undefined;
  const cardReaders = isPublic ? hostOnly(policy, log) : hostOrigin(policy, log);
  const { card, page } = createPublicDocuments(config, { ...options, ...eras, clock, log });
  const requestId = requestIdOf(options.connInfo, config.trustProxy);
  const onanswer = calls.counted(requestLog({ ...config, log, shortHash }));
  const onfailure = (thrown: unknown, report?: RequestReport) => logFailure(log, thrown, report?.id);

  const app = new Hono<Env>({ getPath: createGetPath(config.publicUrl) });
  app.get('/livez', alive);
  app.get('/readyz', ready(lifecycle, options.isAvailable ?? (() => true)));
  app.use(requestReport({ clock, requestId, setHeader, onfailure, onanswer }));
  if (config.serverCard) app.all(CARD_PATH, cardReaders, publicDocument(isPublic), (c) => card(c.req.raw));
  app.use(hostOrigin(policy, log));
  app.use(browserAccess());
  app.all('/.well-known/*', (c) => authorization.metadata(c.req.raw, c.req.path));
  app.post('/register', () => authorization.register());
  if (config.connectPage) {
    app.all('/', (c) => page(c.req.raw));
    app.get('/mcp', (c, next) => redirectToPage(c.req.raw) ?? next());
  }
  app.use('/mcp', authenticated(admit, clientAddressOf(options.connInfo, config.trustProxy)));
  app.all('/mcp', (c) => {
    const received = { request: c.req.raw, caller: c.get('caller'), report: c.get('report') };
    return handleMcp(received, (maxBytes) => readBody(c, maxBytes));
  });
  app.notFound(() => notFoundResponse());
  app.onError((error, c) => {
    onfailure(error, c.get('report'));
    return internalErrorResponse();
  });

  return {
    lifecycle,
    fetch: (request, env) => app.fetch(request, env),
    async drain() {
      lifecycle.phase = 'draining';
      await callsInFlight.idleWithin(config.drainSeconds * 1000, clock);
      const cut = callsInFlight.count;
      lifecycle.phase = 'stopped';
      await eras.close();
      return cut;
    },
  };
}

/** Makes what anyone may read before connecting: the server card, and the page for browsers. */
function createPublicDocuments(config: Config, options: ServerDescriptionOptions & Pick<AppOptions, 'authenticate'>) {
  const describe = createServerDescription(options);
  const signIn = signInOf(config, options.authenticate !== undefined);
  const card = createServerCardHandler({ ...config, describe, signIn });
  return { card, page: createConnectPage({ ...config, describe, signIn }) };
}

/** Makes what decides who may call, and how often. */
function createAdmission(
  config: Config,
  { clock, log, ...options }: AppOptions & { clock: Clock; log: Logger },
): { authorization: Authorization; admit: Admit } {
  const authorization = createAuthorization({
    ...config,
    clientUrls: clientUrls(config),
    fetch: options.fetch ?? fetch,
    clock,
    log,
  });
  const { authenticate = authorization.authenticate } = options;
  const isLimited = config.rateLimit > 0 && isShared(config);
  const limits = { limit: config.rateLimit, log, shared: options.rateCounter };
  return { authorization, admit: isLimited ? rateLimited(authenticate, limits) : authenticate };
}
