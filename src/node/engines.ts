/** Opens what keeps sessions beyond the life of the process, if a setting asks for it. Nothing of it is loaded otherwise. */
import { ConfigError, type Config } from '../config/config.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';

/** What the engines need. */
export interface EnginesOptions {
  clock: Clock;
  log: Logger;
}

/**
 * The engines that the settings name; `undefined` if they name none, and memory is enough.
 *
 * @throws {@link ConfigError} if they cannot be opened.
 */
export async function openEngines(config: Config, options: EnginesOptions): Promise<OpenEngines | undefined> {
  const { redisUrl, sessionIdleSeconds } = config;
  if (redisUrl !== undefined) return openRedis(redisUrl, sessionIdleSeconds * 1000, options);
  return undefined;
}

async function openRedis(url: string, idleMs: number, options: EnginesOptions): Promise<OpenEngines> {
  const { createRedisEngines } = await import('../redis/redis-engines.ts').catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.includes("'ioredis'")) throw error;
    throw new ConfigError('REDIS_URL needs the package ioredis: npm install ioredis', { cause: error });
  });
  return createRedisEngines({ url, idleMs, ...options });
}
