/**
 * The table of settings: their variables, defaults, values and meanings.
 *
 * `config.ts` reads the environment with it; `--help` and docs/settings.md show it.
 */
import * as z from 'zod';
import { isOrigin } from '../security/origin.ts';
import { parseTrustedProxies, type TrustedProxies } from '../security/trusted-proxies.ts';
import { LOG_LEVELS } from '../telemetry/log.ts';
import { AUTH_SETTINGS } from './auth-settings.ts';
import { isRedisUrl } from './redis-url.ts';
import { setting } from './setting.ts';
import { endpointUrl, hostname, integer, list, optional } from './values.ts';

/** Every setting, by its name in `Config`. */
export const SETTINGS = {
  host: setting({
    variable: 'HOST',
    fallback: '127.0.0.1',
    schema: z.string().regex(/^[^\s/]+$/),
    expected: 'an address or host name to listen on',
    meaning: 'Address to listen on. Beyond loopback, authorization is required',
  }),
  port: setting({
    variable: 'PORT',
    fallback: '3000',
    schema: integer(0, 65_535),
    expected: 'a port from 0 to 65535',
    meaning: 'Port to listen on; 0 takes a free one',
  }),
  logLevel: setting({
    variable: 'LOG_LEVEL',
    fallback: 'info',
    schema: z.enum(LOG_LEVELS),
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    meaning: 'The least severe level that is logged',
  }),
  logFormat: setting({
    variable: 'LOG_FORMAT',
    fallback: '',
    schema: optional(z.enum(['json', 'pretty'])),
    expected: 'json or pretty',
    meaning: 'Form of log lines. By default they are JSON, but pretty on a terminal if `pino-pretty` is installed',
  }),
  logRequests: setting({
    variable: 'MCP_LOG_REQUESTS',
    fallback: 'off',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
    expected: 'on or off',
    meaning: 'Whether each request is logged at level info. Otherwise it is logged at level debug',
  }),
  redisUrl: setting({
    variable: 'REDIS_URL',
    fallback: '',
    schema: optional(z.string().refine(isRedisUrl)),
    expected:
      'redis://user:password@host:6379/0, rediss://… for TLS, unix:///path/redis.sock, or hosts separated by commas',
    meaning:
      'Redis (6.2 or later) or Valkey that keeps sessions, events and state, so that they outlive this process and any number of nodes can share them. By default they are kept in memory',
    secret: true,
  }),
  publicUrl: setting({
    variable: 'MCP_PUBLIC_URL',
    hostVariable: 'RENDER_EXTERNAL_URL',
    fallback: '',
    schema: optional(endpointUrl),
    expected: 'the URL that clients use, such as https://mcp.example.com/mcp',
    meaning:
      'URL that clients use, if the server does not listen on it itself. Its host and origin are allowed. By default `RENDER_EXTERNAL_URL`, which Render sets',
  }),
  allowedHosts: setting({
    variable: 'MCP_ALLOWED_HOSTS',
    fallback: '',
    schema: list(hostname),
    expected: 'host names without scheme or port, separated by commas',
    meaning: 'Further host names that requests may be sent to. Loopback names are always allowed',
  }),
  allowedOrigins: setting({
    variable: 'MCP_ALLOWED_ORIGINS',
    fallback: '',
    schema: list(z.string().refine(isOrigin)),
    expected: 'origins such as https://app.example.com or vscode-webview://*, separated by commas',
    meaning:
      "Further origins whose pages may call. The server's own origin always may, and loopback origins if it listens on loopback",
  }),
  serverCard: setting({
    variable: 'MCP_SERVER_CARD',
    fallback: 'on',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
    expected: 'on or off',
    meaning:
      'Whether `/mcp/server-card` tells everyone who can reach the server its name, version and description, which registries and hosts read',
  }),
  sessions: setting({
    variable: 'MCP_SESSIONS',
    fallback: 'stateful',
    schema: z.enum(['stateful', 'stateless']),
    expected: 'stateful or stateless',
    meaning: 'Whether clients of the 2025 revisions get sessions. If not, GET and DELETE are answered with 405',
  }),
  sessionIdleSeconds: setting({
    variable: 'MCP_SESSION_IDLE_SECONDS',
    fallback: '1800',
    schema: integer(1, 31_536_000),
    expected: 'seconds from 1 to 31536000',
    meaning: 'How long an unused session is kept. A session with an open stream or a running call is in use',
  }),
  maxSessions: setting({
    variable: 'MCP_MAX_SESSIONS',
    fallback: '10000',
    schema: integer(1, 10_000_000),
    expected: 'a number from 1 to 10000000',
    meaning:
      'Maximum number of sessions. Beyond that, the least recently used one ends; if all are in use, the answer is 503. The same number caps the open `subscriptions/listen` streams of 2026-07-28',
  }),
  maxSessionsPerPrincipal: setting({
    variable: 'MCP_MAX_SESSIONS_PER_PRINCIPAL',
    fallback: '1000',
    schema: integer(1, 10_000_000),
    expected: 'a number from 1 to 10000000',
    meaning: 'Maximum number of sessions of one authenticated principal, and of its `subscriptions/listen` streams',
  }),
  maxLiveSessions: setting({
    variable: 'MCP_MAX_LIVE_SESSIONS',
    fallback: '10000',
    schema: integer(0, 10_000_000),
    expected: 'a number from 0 to 10000000',
    meaning:
      'Maximum number of idle sessions whose servers stay in memory. Beyond that, the least recently used server is dropped; its session goes on with a new one. 0, for development, drops servers after every request',
  }),
  liveIdleSeconds: setting({
    variable: 'MCP_LIVE_IDLE_SECONDS',
    fallback: '',
    schema: optional(integer(1, 31_536_000)),
    expected: 'seconds from 1 to 31536000',
    meaning: 'How long the server of an idle session stays in memory. By default as long as the session',
  }),
  dataDir: setting({
    variable: 'MCP_DATA_DIR',
    fallback: '',
    // A URL would become the name of a directory, without a word.
    schema: optional(z.string().regex(/^(?!\w+:\/\/)/)),
    expected: 'the path of a directory',
    meaning:
      'Directory of the file that keeps sessions, their events, and state, so that a restart loses none of them. By default they are in memory. Needs Node.js 22.13',
  }),
  callTimeoutSeconds: setting({
    variable: 'MCP_CALL_TIMEOUT_SECONDS',
    fallback: '3600',
    schema: integer(0, 31_536_000),
    expected: 'seconds from 0 to 31536000',
    meaning: 'How long a call may run without reporting progress before it is cancelled; 0 for no limit',
  }),
  maxCallsPerSession: setting({
    variable: 'MCP_MAX_CALLS_PER_SESSION',
    fallback: '100',
    schema: integer(1, 1_000_000),
    expected: 'a number from 1 to 1000000',
    meaning: 'Maximum number of running calls in a session. More are answered with 429',
  }),
  maxCallsPerPrincipal: setting({
    variable: 'MCP_MAX_CALLS_PER_PRINCIPAL',
    fallback: '1000',
    schema: integer(1, 1_000_000),
    expected: 'a number from 1 to 1000000',
    meaning: 'Maximum number of running calls of one authenticated principal. More are answered with 429',
  }),
  keepAliveSeconds: setting({
    variable: 'MCP_KEEP_ALIVE_SECONDS',
    fallback: '15',
    schema: integer(0, 3600),
    expected: 'seconds from 0 to 3600',
    meaning: 'Interval between comments that keep proxies from cutting open streams; 0 for none',
  }),
  idleConnectionSeconds: setting({
    variable: 'MCP_IDLE_CONNECTION_SECONDS',
    fallback: '130',
    schema: integer(1, 3600),
    expected: 'seconds from 1 to 3600',
    meaning:
      'How long an idle connection is kept. Must be longer than at the load balancer in front, which otherwise answers some calls with 502',
  }),
  maxBodyBytes: setting({
    variable: 'MCP_MAX_BODY_BYTES',
    fallback: String(4 * 1024 * 1024),
    schema: integer(1024, 1024 * 1024 * 1024),
    expected: 'bytes from 1024 to 1073741824',
    meaning: 'Maximum size of a request body. A larger one is answered with 413',
  }),
  drainSeconds: setting({
    variable: 'MCP_DRAIN_SECONDS',
    fallback: '25',
    schema: integer(0, 3600),
    expected: 'seconds from 0 to 3600',
    meaning: 'How long a stop waits for running calls before it cuts them off',
  }),
  ...AUTH_SETTINGS,
  rateLimit: setting({
    variable: 'MCP_RATE_LIMIT',
    fallback: '600',
    schema: integer(0, 1_000_000),
    expected: 'requests a minute from 0 to 1000000',
    meaning:
      'Maximum number of requests from one principal in a minute, or from one address if callers are unauthenticated; 0 for no limit. ' +
      'No limit on loopback without authorization',
  }),
  trustProxy: setting({
    variable: 'MCP_TRUST_PROXY',
    fallback: '0',
    schema: z.string().transform(parseTrustedProxies).pipe(z.custom<TrustedProxies>(Boolean)),
    expected: 'the number of proxies in front, from 0 to 10, or their addresses, such as 10.0.0.0/8,::1',
    meaning: 'Proxies whose `X-Forwarded-For` is trusted: their number, or their addresses and networks',
  }),
  metricsPort: setting({
    variable: 'MCP_METRICS_PORT',
    fallback: '',
    schema: optional(integer(0, 65_535)),
    expected: 'a port from 0 to 65535',
    meaning: 'Port that serves metrics for Prometheus at `/metrics`; 0 takes a free one. By default there are none',
  }),
  metricsHost: setting({
    variable: 'MCP_METRICS_HOST',
    fallback: '127.0.0.1',
    schema: z.string().regex(/^[^\s/]+$/),
    expected: 'an address or host name to listen on',
    meaning: 'Address that metrics are served on. Whoever can reach it can read them',
  }),
  connectPage: setting({
    variable: 'MCP_CONNECT_PAGE',
    fallback: 'on',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
    expected: 'on or off',
    meaning:
      'Whether browsers get a page at `/` that says how to connect. It shows the tools, unless callers must authenticate',
  }),
  shortcuts: setting({
    variable: 'MCP_SHORTCUTS',
    fallback: 'on',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
    expected: 'on or off',
    meaning:
      'Whether to use the fast paths around the SDK (`src/shortcuts/`). Without them, answers are the same but take longer',
  }),
  insecureAllowHttpIssuer: setting({
    variable: 'MCP_INSECURE_ALLOW_HTTP_ISSUER',
    fallback: 'false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    expected: 'true or false',
    meaning:
      "Allow http in `MCP_OAUTH_ISSUER_ADDRESS`: anyone on the network path could replace the issuer's keys and forge tokens",
  }),
  insecureAllowNullOrigin: setting({
    variable: 'MCP_INSECURE_ALLOW_NULL_ORIGIN',
    fallback: 'false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    expected: 'true or false',
    meaning: 'Allow `Origin: null`, as Electron apps and files have it. Any page can send it from a sandboxed frame',
  }),
  insecureAllowUnauthenticated: setting({
    variable: 'MCP_INSECURE_ALLOW_UNAUTHENTICATED',
    fallback: 'false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    expected: 'true or false',
    meaning: 'Serve beyond loopback without authorization: anyone who can reach the server can call the tools',
  }),
};
