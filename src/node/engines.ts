/** Opens what keeps sessions beyond the life of the process, if a setting asks for it. Nothing of it is loaded otherwise. */
import { ConfigError, type Config } from '../config/config.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import type { Clock } from '../lib/clock.ts';
import { createMemoryRelay } from '../memory/memory-relay.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../signals/metrics.ts';

/** Nothing fails open: the states of other nodes are refused. */
const NO_STATE_KEY =
  'REDIS_URL is set but MCP_STATE_KEY is not: if a tool of 2026-07-28 asks its user on one node, others refuse the answer';

/** What the engines need. */
export interface EnginesOptions {
  clock: Clock;
  log: Logger;
  /** Hears how long Redis takes. @default nobody does */
  metrics?: Pick<Metrics, 'redisAnswered'> | undefined;
}

/**
 * The engines that the settings name; `undefined` if they name none, and memory is enough.
 *
 * @throws {@link ConfigError} if they cannot be opened.
 */
export async function openEngines(config: Config, options: EnginesOptions): Promise<OpenEngines | undefined> {
  const { redisUrl, dataDir } = config;
  const idleMs = config.sessionIdleSeconds * 1000;
  if (redisUrl !== undefined) {
    const engines = await openRedis(redisUrl, idleMs, options);
    if (config.stateKeys.length === 0) options.log.warn(NO_STATE_KEY);
    return engines;
  }
  if (dataDir !== undefined) return openFile(dataDir, idleMs, options);
  return undefined;
}

async function openFile(dataDir: string, idleMs: number, options: EnginesOptions): Promise<OpenEngines> {
  const { DataFileError } = await import('../sqlite/data-file.ts');
  const { openSqliteEngines } = await import('../sqlite/sqlite-engines.ts');
  try {
    return openSqliteEngines({ dataDir, idleMs, relay: createMemoryRelay(), ...options });
  } catch (error) {
    if (!(error instanceof DataFileError)) throw error;
    throw new ConfigError(`MCP_DATA_DIR=${dataDir} ${error.message}.`, { cause: error });
  }
}

async function openRedis(url: string, idleMs: number, options: EnginesOptions): Promise<OpenEngines> {
  const { createRedisEngines } = await import('../redis/redis-engines.ts').catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes("'ioredis'")) throw error;
    throw new ConfigError('REDIS_URL needs the package ioredis: npm install ioredis', { cause: error });
  });
  return createRedisEngines({ url, idleMs, ...options });
}
