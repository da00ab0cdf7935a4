/**
 * Settings: the only reader of the environment.
 *
 * `loadConfig(env)` turns variables into a `Config` or throws a `ConfigError` whose message is one line
 * for each thing that is wrong. What is unsafe does not start: see {@link exposureProblems}.
 */
import * as z from 'zod';
import { isLoopback } from './security/host-origin.ts';
import { LOG_LEVELS } from './telemetry/log.ts';

/** One line for each wrong setting: the variable, its value, and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

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
const hostname = z.string().transform((value) => value.toLowerCase());
const BARE_HOSTNAME = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)$/;

/** An origin as browsers send it (RFC 6454 section 6.2), or `scheme://*` for the origins of an extension scheme. */
function isOrigin(value: string): boolean {
  if (!/^https?:/.test(value)) return /^[a-z][a-z0-9+.-]*:\/\/(?:\*|[a-z0-9.-]+)$/.test(value);
  return /^https?:\/\/[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value;
}

/** An absolute URL of an endpoint `/mcp`, without query, fragment or credentials. */
function isEndpointUrl(value: string): boolean {
  return /^https?:\/\/[^/?#@][^?#@]*\/mcp$/.test(value) && URL.canParse(value);
}

interface Setting<T> {
  variable: string;
  /** Used when the variable is unset or empty; in the same form as the variable. */
  fallback: string;
  schema: z.ZodType<T, string>;
  /** Completes the sentence "NAME must be …". */
  expected: string;
  meaning: string;
}
const setting = <T>(definition: Setting<T>) => definition;

const SETTINGS = {
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
    meaning: 'Least severe level that is logged',
  }),
  publicUrl: setting({
    variable: 'MCP_PUBLIC_URL',
    fallback: '',
    schema: z
      .string()
      .refine(isEndpointUrl)
      .or(z.literal('').transform(() => undefined)),
    expected: 'the URL that clients use, ending in /mcp, such as https://mcp.example.com/mcp',
    meaning: 'URL that clients use, when it is not the one listened on. Its host and origin are allowed',
  }),
  allowedHosts: setting({
    variable: 'MCP_ALLOWED_HOSTS',
    fallback: '',
    schema: list(hostname.pipe(z.string().regex(BARE_HOSTNAME))),
    expected: 'host names without scheme or port, separated by commas',
    meaning: 'Further host names that requests may name. Loopback names always may',
  }),
  allowedOrigins: setting({
    variable: 'MCP_ALLOWED_ORIGINS',
    fallback: '',
    schema: list(z.string().refine(isOrigin)),
    expected: 'origins such as https://app.example.com or vscode-webview://*, separated by commas',
    meaning: 'Further origins whose pages may call. Loopback origins may while the server listens on loopback',
  }),
  sessions: setting({
    variable: 'MCP_SESSIONS',
    fallback: 'stateful',
    schema: z.enum(['stateful', 'stateless']),
    expected: 'stateful or stateless',
    meaning: 'Whether clients of the 2025 revisions get sessions. Without, GET and DELETE answer 405',
  }),
  sessionIdleSeconds: setting({
    variable: 'MCP_SESSION_IDLE_SECONDS',
    fallback: '1800',
    schema: integer(1, 31_536_000),
    expected: 'seconds from 1 to 31536000',
    meaning: 'A session that nobody uses for so long ends. Open streams and running calls are use',
  }),
  maxSessions: setting({
    variable: 'MCP_MAX_SESSIONS',
    fallback: '10000',
    schema: integer(1, 10_000_000),
    expected: 'a number from 1 to 10000000',
    meaning: 'Sessions at once. At the cap the longest unused one makes room; with none unused, 503',
  }),
  maxSessionsPerPrincipal: setting({
    variable: 'MCP_MAX_SESSIONS_PER_PRINCIPAL',
    fallback: '1000',
    schema: integer(1, 10_000_000),
    expected: 'a number from 1 to 10000000',
    meaning: 'The same for one authenticated principal',
  }),
  keepAliveSeconds: setting({
    variable: 'MCP_KEEP_ALIVE_SECONDS',
    fallback: '15',
    schema: integer(0, 3600),
    expected: 'seconds from 0 to 3600',
    meaning: 'Pause between the comments that keep open streams from being cut on the way; 0 for none',
  }),
  maxBodyBytes: setting({
    variable: 'MCP_MAX_BODY_BYTES',
    fallback: String(4 * 1024 * 1024),
    schema: integer(1024, 1024 * 1024 * 1024),
    expected: 'bytes from 1024 to 1073741824',
    meaning: 'Largest request body; a larger one is answered 413',
  }),
  drainSeconds: setting({
    variable: 'MCP_DRAIN_SECONDS',
    fallback: '25',
    schema: integer(0, 3600),
    expected: 'seconds from 0 to 3600',
    meaning: 'How long a stop waits for calls in flight before it cuts them',
  }),
  insecureAllowUnauthenticated: setting({
    variable: 'MCP_INSECURE_ALLOW_UNAUTHENTICATED',
    fallback: 'false',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
    expected: 'true or false',
    meaning: 'Serve beyond loopback without authorization: everyone who reaches the server can call it',
  }),
};

/** Every setting, checked and with its default filled in. Frozen. */
export type Config = Readonly<{
  [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
}>;

/**
 * Reads the settings.
 *
 * @param env - The environment, usually `process.env`. An empty value counts as unset.
 * @throws {@link ConfigError} when a value is wrong, or when the server would be open to the network
 * without authorization.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, { variable, fallback, schema, expected }] of Object.entries(SETTINGS)) {
    const value = env[variable]?.trim() || fallback;
    const parsed = schema.safeParse(value);
    if (parsed.success) config[name] = parsed.data;
    else problems.push(`${variable}=${value} is not valid: it must be ${expected}.`);
  }
  if (problems.length === 0) problems.push(...exposureProblems(config as Config));
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(config as Config);
}

/** Why this configuration may not start: open to others than this machine, with nobody asked who they are. */
function exposureProblems({ host, publicUrl, insecureAllowUnauthenticated }: Config): string[] {
  if (insecureAllowUnauthenticated) return [];
  const remedy =
    'everyone who reaches it could call the tools. Keep to loopback (HOST=127.0.0.1, no MCP_PUBLIC_URL), ' +
    'or set MCP_INSECURE_ALLOW_UNAUTHENTICATED=true where something in front checks who calls.';
  if (!isLoopback(host)) return [`HOST=${host} listens beyond loopback without authorization: ${remedy}`];
  if (publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname)) {
    return [`MCP_PUBLIC_URL=${publicUrl} is beyond loopback without authorization: ${remedy}`];
  }
  return [];
}

/**
 * Names in `env` that look like settings of this server and are none: likely a slip of the pen.
 *
 * They do not stop the start, because other MCP programs read variables of the same prefix.
 */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.values(SETTINGS).map(({ variable }) => variable));
  return Object.keys(env).filter((name) => name.startsWith('MCP_') && !known.has(name));
}

/** The table of settings: variable, default and meaning. What `--help` prints and the README shows. */
export function settingsTable(): { variable: string; fallback: string; meaning: string }[] {
  return Object.values<Setting<unknown>>(SETTINGS).map(({ variable, fallback, meaning }) => ({
    variable,
    fallback,
    meaning,
  }));
}
