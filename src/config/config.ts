/**
 * Settings: the only reader of the environment.
 *
 * `loadConfig(env)` turns variables into a `Config` or throws a `ConfigError` whose message is one line
 * for each thing that is wrong. What is unsafe does not start: see {@link exposureProblems} and
 * {@link authorizationProblems}. The settings themselves are listed in `settings.ts`.
 */
import { isLoopback } from '../security/host-origin.ts';
import { SETTINGS, type Setting } from './settings.ts';

/** One line for each wrong setting: the variable, its value unless that is a secret, and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

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
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const { variable, fallback, schema, expected, secret } = setting;
    const value = env[variable]?.trim() || fallback;
    const parsed = schema.safeParse(value);
    if (parsed.success) config[name] = parsed.data;
    else problems.push(`${variable}${secret ? '' : `=${value}`} is not valid: it must be ${expected}.`);
  }
  if (problems.length === 0) {
    problems.push(...exposureProblems(config as Config), ...authorizationProblems(config as Config));
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(config as Config);
}

/** Whether callers are asked who they are. */
export function isAuthorized({ authTokens, oauthIssuer }: Pick<Config, 'authTokens' | 'oauthIssuer'>): boolean {
  return authTokens.length > 0 || oauthIssuer !== undefined;
}

/** What opens the server to others than this machine, in words; `undefined` when nothing does. */
export function exposure({ host, publicUrl }: Pick<Config, 'host' | 'publicUrl'>): string | undefined {
  if (!isLoopback(host)) return `HOST=${host} listens beyond loopback`;
  if (publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname)) {
    return `MCP_PUBLIC_URL=${publicUrl} is beyond loopback`;
  }
  return undefined;
}

/**
 * The canonical URI of this server (RFC 8707 section 2): the URL that clients use. On loopback that is the
 * one listened on; otherwise only `MCP_PUBLIC_URL` says, and `undefined` is returned without.
 */
export function canonicalUrl({ host, port, publicUrl }: Pick<Config, 'host' | 'port' | 'publicUrl'>): URL | undefined {
  if (publicUrl !== undefined) return new URL(publicUrl);
  if (!isLoopback(host) || port === 0) return undefined;
  return new URL(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}/mcp`);
}

/**
 * The URLs that clients may use, the canonical one first. Clients compare them letter by letter with what the
 * server says of itself (RFC 9728 section 3.3), and on loopback they say `localhost` as well.
 */
export function clientUrls(config: Pick<Config, 'host' | 'port' | 'publicUrl'>): URL[] {
  const canonical = canonicalUrl(config);
  if (!canonical) return [];
  const localhost = new URL(canonical);
  localhost.hostname = 'localhost';
  return config.publicUrl !== undefined || localhost.href === canonical.href ? [canonical] : [canonical, localhost];
}

/** Why this configuration may not start: open to others than this machine, with nobody asked who they are. */
function exposureProblems(config: Config): string[] {
  const open = exposure(config);
  if (open === undefined || isAuthorized(config) || config.insecureAllowUnauthenticated) return [];
  return [
    `${open} without authorization: everyone who reaches it could call the tools. Set MCP_AUTH_TOKENS or ` +
      'MCP_OAUTH_ISSUER, keep to loopback (HOST=127.0.0.1, no MCP_PUBLIC_URL), or set ' +
      'MCP_INSECURE_ALLOW_UNAUTHENTICATED=true where something in front checks who calls.',
  ];
}

/** Settings of authorization that make no sense together, and would let in other callers than was meant. */
function authorizationProblems(config: Config): string[] {
  const { oauthIssuer, publicUrl, introspectionClientId: clientId, introspectionClientSecret: secret } = config;
  const isCleartext = publicUrl?.startsWith('http:') === true && !isLoopback(new URL(publicUrl).hostname);
  const rules: [isBroken: boolean, problem: string][] = [
    [
      oauthIssuer !== undefined && canonicalUrl(config) === undefined,
      'MCP_OAUTH_ISSUER needs MCP_PUBLIC_URL, or loopback and a PORT: tokens are for the URL that clients use, and name it.',
    ],
    [
      isAuthorized(config) && isCleartext,
      `MCP_PUBLIC_URL=${publicUrl} must be https: anybody on the way could read the tokens.`,
    ],
    [
      config.requiredScopes.length > 0 && !isAuthorized(config),
      'MCP_REQUIRED_SCOPES needs MCP_OAUTH_ISSUER or MCP_AUTH_TOKENS: without, nobody is asked for them.',
    ],
    [
      config.oauthAudience !== undefined && oauthIssuer === undefined,
      'MCP_OAUTH_AUDIENCE needs MCP_OAUTH_ISSUER: no other tokens have an audience.',
    ],
    [
      (clientId === undefined) !== (secret === undefined),
      'MCP_INTROSPECTION_CLIENT_ID and MCP_INTROSPECTION_CLIENT_SECRET need each other.',
    ],
    [
      clientId !== undefined && secret !== undefined && oauthIssuer === undefined,
      'MCP_INTROSPECTION_CLIENT_ID needs MCP_OAUTH_ISSUER: that is who is asked.',
    ],
  ];
  return rules.flatMap(([isBroken, problem]) => (isBroken ? [problem] : []));
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
