/** The settings of the edge entry: those of the Node.js entry, with the defaults that are true on these platforms. */
import { ConfigError, loadConfig, type Config } from '../config/config.ts';
import type { Platform, Settings } from './platform.ts';

/** The host names that Vercel gives to a deployment. */
const VERCEL_HOSTS = ['VERCEL_URL', 'VERCEL_BRANCH_URL', 'VERCEL_PROJECT_PRODUCTION_URL'];
/** Settings that open engines, which only the Node.js entry does. */
const ENGINES = ['REDIS_URL', 'MCP_DATA_DIR'];
/** Others that only the Node.js entry can follow. */
const NODE_ONLY = ['MCP_METRICS_PORT', 'MCP_METRICS_HOST', 'LOG_FORMAT'];
const NO_WORKERS_SESSIONS =
  'MCP_SESSIONS=stateful is impossible on Cloudflare Workers: a call ends with its request, so a client whose connection broke could never resume it.';
const NO_ENGINES =
  'MCP_SESSIONS=stateful needs engines here: without them, sessions are in memory, and the next request may reach another process.';

type EdgePlatform = Pick<Platform, 'name' | 'isLongLived'>;

/**
 * Reads the settings. They differ from those of the Node.js entry in three ways:
 *
 * - Others can reach the server. Only on Bun, Deno and Node.js may `HOST` say otherwise: elsewhere, the platform listens.
 * - `MCP_SESSIONS` is `stateless` unless there are engines, and always on Cloudflare Workers.
 * - On Vercel, the host names of the deployment are allowed.
 *
 * @param hasEngines - Whether sessions are kept outside of this process.
 * @throws {@link ConfigError} as `loadConfig` does, or if the platform cannot have sessions.
 */
export function loadEdgeConfig(env: Settings, { name, isLongLived }: EdgePlatform, hasEngines: boolean): Config {
  const own = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const hosts = name === 'vercel' ? VERCEL_HOSTS.flatMap((variable) => own[variable] ?? []) : [];
  const config = loadConfig({
    MCP_SESSIONS: hasEngines && name !== 'workers' ? 'stateful' : 'stateless',
    ...own,
    HOST: (isLongLived && own['HOST']) || '0.0.0.0',
    MCP_ALLOWED_HOSTS: [own['MCP_ALLOWED_HOSTS'], ...hosts].filter(Boolean).join(','),
    ...Object.fromEntries(ENGINES.map((variable) => [variable, undefined])),
  });
  if (config.sessions === 'stateless') return config;
  if (name === 'workers') throw new ConfigError(NO_WORKERS_SESSIONS);
  if (!hasEngines && !isLongLived) throw new ConfigError(NO_ENGINES);
  return config;
}

/** Settings in `env` that have no effect here: those of engines, unless there are some, and others. */
export function ignoredSettings(env: Settings, hasEngines: boolean): { engines: string[]; others: string[] } {
  const isSet = (name: string) => env[name]?.trim();
  return { engines: hasEngines ? [] : ENGINES.filter(isSet), others: NODE_ONLY.filter(isSet) };
}
