/**
 * The table of settings: their variables, defaults, values and meanings.
 *
 * `config.ts` reads the environment with it; `--help` and the README show it.
 */
import * as z from 'zod';
import { MIN_TOKEN_CHARS, parseStaticTokens, type StaticToken } from '../auth/static-tokens.ts';
import { SCOPE, scopesIn } from '../auth/access-token.ts';
import { isOrigin } from '../security/host-origin.ts';
import { parseTrustedProxies, type TrustedProxies } from '../security/trusted-proxies.ts';
import { LOG_LEVELS } from '../telemetry/log.ts';

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
const list = (entry: z.ZodType<string, string>) =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .transform((parts) => parts.filter((part) => part !== ''))
    .pipe(z.array(entry));
/** The URL of an endpoint, to which `/mcp` is added if it is missing: tunnels print only the origin. */
const endpointUrl = z
  .string()
  .transform((value) => `${value.replace(/\/+$/, '').replace(/\/mcp$/, '')}/mcp`)
  .refine(isEndpointUrl);
const optional = (value: z.ZodType<string, string>) =>
  z
    .literal('')
    .transform(() => undefined)
    .or(value);
const hostname = z.string().transform((value) => value.toLowerCase());
const BARE_HOSTNAME = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)$/;

/** An issuer identifier as in `iss` (RFC 8414 section 2); without TLS only on this machine. */
function isIssuerUrl(value: string): boolean {
  if (!/^https?:\/\/[^/?#@]+(?:\/[^?#@]*)?$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, hostname: name } = new URL(value);
  // The names that the SDK accepts for this machine.
  return protocol === 'https:' || name === 'localhost' || name === '127.0.0.1';
}

/** The absolute URL of an endpoint `/mcp`, without query, fragment or credentials. */
function isEndpointUrl(value: string): boolean {
  return /^https?:\/\/[^/?#@][^?#@]*\/mcp$/.test(value) && URL.canParse(value);
}

/** One setting. */
export interface Setting<T> {
  variable: string;
  /** The default, used if the variable is unset or empty; has the form of the variable. */
  fallback: string;
  schema: z.ZodType<T, string>;
  /** Completes the sentence "NAME must be …". */
  expected: string;
  meaning: string;
  /** Whether the value must never be shown, not even in an error message. */
  secret?: true;
}
const setting = <T>(definition: Setting<T>) => definition;

/** Every setting, by its name in `Config`. */
export const SETTINGS = {
  host: setting({
    variable: 'HOST',
    fallback: '127.0.0.1',
    schema: z.string().regex(/^[^\s/]+$/),
    expected: 'an address or host name to listen on',
    meaning: 'Address to listen on. Beyond loopback it needs authorization',
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
  publicUrl: setting({
    variable: 'MCP_PUBLIC_URL',
    fallback: '',
    schema: optional(endpointUrl),
    expected: 'the URL that clients use, such as https://mcp.example.com/mcp',
    meaning: 'URL that clients use, if the server does not listen on it itself. Its host and origin are allowed',
  }),
  allowedHosts: setting({
    variable: 'MCP_ALLOWED_HOSTS',
    fallback: '',
    schema: list(hostname.pipe(z.string().regex(BARE_HOSTNAME))),
    expected: 'host names without scheme or port, separated by commas',
    meaning: 'Further host names that requests may be sent to. Loopback names are always allowed',
  }),
  allowedOrigins: setting({
    variable: 'MCP_ALLOWED_ORIGINS',
    fallback: '',
    schema: list(z.string().refine(isOrigin)),
    expected: 'origins such as https://app.example.com or vscode-webview://*, separated by commas',
    meaning: 'Further origins whose pages may call. Loopback origins may if the server listens on loopback',
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
      'Most sessions at a time. Beyond that, the least recently used one ends; if all are in use, the answer is 503',
  }),
  maxSessionsPerPrincipal: setting({
    variable: 'MCP_MAX_SESSIONS_PER_PRINCIPAL',
    fallback: '1000',
    schema: integer(1, 10_000_000),
    expected: 'a number from 1 to 10000000',
    meaning: 'Most sessions of one authenticated principal at a time',
  }),
  callTimeoutSeconds: setting({
    variable: 'MCP_CALL_TIMEOUT_SECONDS',
    fallback: '3600',
    schema: integer(0, 31_536_000),
    expected: 'seconds from 0 to 31536000',
    meaning: 'How long a call may run; progress starts it anew. After that its tool is cancelled; 0 for no limit',
  }),
  maxCallsPerSession: setting({
    variable: 'MCP_MAX_CALLS_PER_SESSION',
    fallback: '100',
    schema: integer(1, 1_000_000),
    expected: 'a number from 1 to 1000000',
    meaning: 'Most calls that run in a session at a time. More are answered with 429',
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
      'How long an idle connection is kept; longer than the load balancer in front keeps it, or it answers some calls with 502',
  }),
  maxBodyBytes: setting({
    variable: 'MCP_MAX_BODY_BYTES',
    fallback: String(4 * 1024 * 1024),
    schema: integer(1024, 1024 * 1024 * 1024),
    expected: 'bytes from 1024 to 1073741824',
    meaning: 'Largest request body. A larger one is answered with 413',
  }),
  drainSeconds: setting({
    variable: 'MCP_DRAIN_SECONDS',
    fallback: '25',
    schema: integer(0, 3600),
    expected: 'seconds from 0 to 3600',
    meaning: 'How long a stop waits for running calls before it cuts them off',
  }),
  authTokens: setting({
    variable: 'MCP_AUTH_TOKENS',
    fallback: '',
    // Nothing but commas must not pass for tokens: callers would be unauthenticated.
    schema: z
      .string()
      .regex(/^$|[^,\s]/)
      .pipe(list(z.string()))
      .transform(parseStaticTokens)
      .pipe(z.custom<StaticToken[]>(Array.isArray)),
    expected: `name:token or name:token:scopes, separated by commas, with different names, and tokens of ${MIN_TOKEN_CHARS} or more of A-Z a-z 0-9 - . _ ~ + /`,
    meaning: 'Static bearer tokens, as `name:token` or `name:token:scope scope`, separated by commas',
    secret: true,
  }),
  oauthIssuer: setting({
    variable: 'MCP_OAUTH_ISSUER',
    fallback: '',
    schema: optional(z.string().refine(isIssuerUrl)),
    expected: 'the https URL of an authorization server exactly as in iss; http only on localhost or 127.0.0.1',
    meaning: 'Authorization server whose access tokens are accepted, exactly as in their `iss`',
  }),
  oauthAudience: setting({
    variable: 'MCP_OAUTH_AUDIENCE',
    fallback: '',
    schema: optional(z.string().regex(/^\S+$/)),
    expected: 'the name of this server in aud, without spaces',
    meaning: 'Name of this server in the `aud` of access tokens, if the issuer cannot use its URL',
  }),
  requiredScopes: setting({
    variable: 'MCP_REQUIRED_SCOPES',
    fallback: '',
    schema: z
      .string()
      .transform(scopesIn)
      .pipe(z.array(z.string().regex(SCOPE))),
    expected: 'scopes separated by spaces',
    meaning: 'Scopes that every request needs, separated by spaces',
  }),
  introspectionClientId: setting({
    variable: 'MCP_INTROSPECTION_CLIENT_ID',
    fallback: '',
    schema: optional(z.string().min(1)),
    expected: 'a client id',
    meaning: 'With the secret: the issuer is asked about every token (RFC 7662), as this client',
  }),
  introspectionClientSecret: setting({
    variable: 'MCP_INTROSPECTION_CLIENT_SECRET',
    fallback: '',
    schema: optional(z.string().min(1)),
    expected: 'a client secret',
    meaning: 'Secret of that client',
    secret: true,
  }),
  rateLimit: setting({
    variable: 'MCP_RATE_LIMIT',
    fallback: '600',
    schema: integer(0, 1_000_000),
    expected: 'requests a minute from 0 to 1000000',
    meaning:
      'Most requests of one principal in a minute, or of one address if callers are unauthenticated; 0 for no limit. ' +
      'No limit on loopback without authorization',
  }),
  trustProxy: setting({
    variable: 'MCP_TRUST_PROXY',
    fallback: '0',
    schema: z.string().transform(parseTrustedProxies).pipe(z.custom<TrustedProxies>(Boolean)),
    expected: 'the number of proxies in front, from 0 to 10, or their addresses, such as 10.0.0.0/8,::1',
    meaning: 'Proxies whose `X-Forwarded-For` is trusted: their number, or their addresses and networks',
  }),
  shortcuts: setting({
    variable: 'MCP_SHORTCUTS',
    fallback: 'on',
    schema: z.enum(['on', 'off']).transform((value) => value === 'on'),
    expected: 'on or off',
    meaning:
      'Whether to use the fast paths around the SDK (`src/shortcuts/`). Without them, calls take longer and answers are the same',
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
