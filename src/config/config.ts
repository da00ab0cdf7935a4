/**
 * Reads the settings. No part of the server takes a setting from elsewhere.
 *
 * `loadConfig(env)` turns variables into a `Config`, or throws a `ConfigError` with one line for each problem. An unsafe
 * configuration is refused: see {@link exposureProblems} and {@link authorizationProblems}. `settings.ts` lists the
 * settings.
 */
import { isLoopback, isWildcard, urlHostname } from '../security/loopback.ts';
import { canonicalUrl, exposure, isAuthorized } from './exposure.ts';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';

/** Wrong settings. The message has one line for each: the variable, its value without what is secret, and what would be right. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** All settings, validated, with defaults filled in. Frozen. */
export type Config = Readonly<{
  [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
}>;

/**
 * Reads the settings.
 *
 * @param env - The environment, usually `process.env`. An empty value counts as unset.
 * @throws {@link ConfigError} if a value is wrong, or if the server would be open to the network without authorization.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const { hostVariable, fallback, schema, expected, secret } = setting;
    const variable = hostVariable !== undefined && !env[setting.variable]?.trim() ? hostVariable : setting.variable;
    const value = env[variable]?.trim() || fallback;
    const parsed = schema.safeParse(value);
    if (parsed.success) config[name] = parsed.data;
    else
      problems.push(
        `${variable}${secret ? '' : `=${withoutCredentials(value)}`} is not valid: it must be ${expected}.`,
      );
  }
  if (problems.length === 0) {
    const checks = [exposureProblems, authorizationProblems, conflicts];
    problems.push(...checks.flatMap((check) => check(config as Config)));
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return Object.freeze(config as Config);
}

/** The problem with a server that others can reach but that does not authenticate its callers. */
function exposureProblems(config: Config): string[] {
  const open = exposure(config);
  if (open === undefined || isAuthorized(config) || config.insecureAllowUnauthenticated) return [];
  return [
    `${open} without authorization: anyone who can reach it could call the tools. Set MCP_AUTH_TOKENS or ` +
      'MCP_OAUTH_ISSUER, stay on loopback (HOST=127.0.0.1, no MCP_PUBLIC_URL), or set ' +
      'MCP_INSECURE_ALLOW_UNAUTHENTICATED=true if a proxy in front authenticates callers.',
  ];
}

/** Problems with authorization settings that contradict each other, or would let the wrong callers in. */
function authorizationProblems(config: Config): string[] {
  const {
    oauthIssuer,
    oauthIssuerAddress,
    publicUrl,
    introspectionClientId: clientId,
    introspectionClientSecret: secret,
  } = config;
  const rules: [isBroken: boolean, problem: string][] = [
    [
      oauthIssuer !== undefined && canonicalUrl(config) === undefined,
      'MCP_OAUTH_ISSUER needs MCP_PUBLIC_URL, or loopback and a PORT: tokens name the URL that clients use.',
    ],
    [
      isAuthorized(config) && isCleartext(publicUrl),
      `MCP_PUBLIC_URL=${publicUrl} must be https: otherwise anyone on the network path could read the tokens.`,
    ],
    [
      oauthIssuerAddress !== undefined && oauthIssuer === undefined,
      'MCP_OAUTH_ISSUER_ADDRESS needs MCP_OAUTH_ISSUER, the name of the issuer as it is in tokens.',
    ],
    [
      // Containers often speak plain http to each other, but a host name does not show whether their network is private.
      isCleartext(oauthIssuerAddress) && !config.insecureAllowHttpIssuer,
      `MCP_OAUTH_ISSUER_ADDRESS=${oauthIssuerAddress} must be https: otherwise anyone on the network path could replace ` +
        "the issuer's keys and forge tokens. If you trust that network, set MCP_INSECURE_ALLOW_HTTP_ISSUER=true.",
    ],
    [
      config.requiredScopes.length > 0 && !isAuthorized(config),
      'MCP_REQUIRED_SCOPES needs MCP_OAUTH_ISSUER or MCP_AUTH_TOKENS: unauthenticated callers have no scopes.',
    ],
    [
      config.oauthAudience !== undefined && oauthIssuer === undefined,
      'MCP_OAUTH_AUDIENCE needs MCP_OAUTH_ISSUER: other tokens have no audience.',
    ],
    [
      (clientId === undefined) !== (secret === undefined),
      'MCP_INTROSPECTION_CLIENT_ID and MCP_INTROSPECTION_CLIENT_SECRET must be set together.',
    ],
    [
      clientId !== undefined && secret !== undefined && oauthIssuer === undefined,
      'MCP_INTROSPECTION_CLIENT_ID needs MCP_OAUTH_ISSUER, which introspects the tokens.',
    ],
  ];
  return rules.flatMap(([isBroken, problem]) => (isBroken ? [problem] : []));
}

/** Problems with settings that exclude each other. */
function conflicts({ redisUrl, dataDir, host, port, metricsHost, metricsPort }: Config): string[] {
  const problems: string[] = [];
  if (redisUrl !== undefined && dataDir !== undefined) {
    problems.push('REDIS_URL and MCP_DATA_DIR exclude each other: sessions are kept in Redis or in a file.');
  }
  const isSameAddress = [host, metricsHost].some(isWildcard) || urlHostname(host) === urlHostname(metricsHost);
  if (port !== 0 && port === metricsPort && isSameAddress) {
    problems.push(`PORT and MCP_METRICS_PORT are both ${port}: set one of them to another port.`);
  }
  return problems;
}

/** `value` without the user name and password of a URL: people paste those into settings that have none. */
function withoutCredentials(value: string): string {
  return value.replace(/:\/\/.*@/s, '://…@');
}

/** Whether requests to `url` can be read and changed on their way. */
function isCleartext(url = ''): boolean {
  return url.startsWith('http:') && !isLoopback(new URL(url).hostname);
}

/**
 * Names in `env` that look like settings of this server but are not: probably typos.
 *
 * They do not prevent the start, because other MCP programs use the same prefix.
 */
export function unknownSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.values(SETTINGS).map(({ variable }) => variable));
  return Object.keys(env).filter((name) => name.startsWith('MCP_') && !known.has(name));
}

/** The settings with their defaults and meanings, for `--help` and docs/settings.md. */
export function settingsTable(): { variable: string; fallback: string; meaning: string }[] {
  return Object.values<Setting<unknown>>(SETTINGS).map(({ variable, fallback, meaning }) => ({
    variable,
    fallback,
    meaning,
  }));
}
