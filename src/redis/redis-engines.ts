/** The engines on Redis, and what they need of it. */
import { ConfigError } from '../config/config.ts';
import type { OpenEngines } from '../contracts/engines.ts';
import type { RateCounter } from '../contracts/rate-counter.ts';
import type { Clock } from '../lib/clock.ts';
import { rateKey } from '../lua/keys.ts';
import { COUNT_RATE } from '../lua/node-scripts.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../signals/metrics.ts';
import { createChannels } from './channels.ts';
import { connect, type Connection } from './connection.ts';
import { createRedisChangeLog } from './redis-change-log.ts';
import { createRedisEventLog } from './redis-event-log.ts';
import { createRedisRelay } from './redis-relay.ts';
import { createRedisSessionStore } from './redis-session-store.ts';
import { createRedisStateStore } from './redis-state-store.ts';

/** For `ZMSCORE`, ranges that exclude an end, and `SET` that keeps the expiry. */
const MIN_VERSION = [6, 2] as const;
/** For sharded channels: others reach every node of a cluster. */
const MIN_CLUSTER_VERSION = [7, 0] as const;

/** Options for {@link createRedisEngines}. */
export interface RedisEnginesOptions {
  /** `config/redis-url.ts` has its forms. */
  url: string;
  clock: Pick<Clock, 'now' | 'every' | 'after'>;
  log: Logger;
  /** How long an unused session is kept, in milliseconds. */
  idleMs: number;
  /** Hears how long Redis takes. @default nobody does */
  metrics?: Pick<Metrics, 'redisAnswered'> | undefined;
}

/**
 * Connects to Redis.
 *
 * @throws ConfigError if Redis cannot be used: the message is one line, without the password.
 */
export async function createRedisEngines(options: RedisEnginesOptions): Promise<OpenEngines> {
  const { url, clock, log, idleMs } = options;
  const connection = await connect(url, options);
  try {
    checkServer(connection, log);
    const channels = createChannels(connection);
    const onerror = (error: Error) => log.error('a listener of changes failed', { error: error.message });
    const relay = await createRedisRelay({ connection, channels, clock });
    const changes = await createRedisChangeLog({ connection, channels, clock, onerror });
    return {
      sessionStore: createRedisSessionStore({ connection, clock, idleMs }),
      eventLog: createRedisEventLog({ connection, channels, clock }),
      stateStore: createRedisStateStore({ connection, clock, idleMs }),
      changes,
      relay,
      rateCounter: createRateCounter(connection),
      isAvailable: () => connection.isAvailable,
      async close() {
        changes.close();
        await relay.close();
        await connection.close();
      },
    };
  } catch (error) {
    await connection.close();
    if (error instanceof ConfigError) throw error;
    const { message } = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    throw new ConfigError(`REDIS_URL: Redis cannot be used: ${message}`);
  }
}

/** Windows are measured by Redis's clock, since the clocks of nodes differ. */
function createRateCounter(connection: Connection): RateCounter {
  return {
    async add(name, key, points, windowSeconds) {
      const reply = await connection.run(COUNT_RATE, [rateKey(name, key)], [points, windowSeconds * 1000]);
      const [sum, msLeft] = reply as [number, number];
      return { points: sum, msLeft };
    },
  };
}

function checkServer({ info, isCluster }: Connection, log: Logger): void {
  const version = info.get('redis_version');
  if (version === undefined) {
    log.warn('the Redis user may not run INFO: neither the version nor maxmemory-policy could be checked');
    return;
  }
  const needed = isCluster ? MIN_CLUSTER_VERSION : MIN_VERSION;
  if (isOlder(version, needed)) {
    const what = isCluster ? 'a Redis Cluster' : 'Redis';
    throw new ConfigError(
      `REDIS_URL: version ${version} of Redis is too old: ${what} must be ${needed.join('.')} or later.`,
    );
  }
  const policy = info.get('maxmemory_policy');
  if (policy === 'noeviction') return;
  const problem = policy === undefined ? 'Redis does not tell its maxmemory-policy' : 'Redis may evict sessions';
  log.warn(`${problem}; it should be noeviction`, { policy });
}

function isOlder(version: string, [minMajor, minMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < minMajor || (major === minMajor && minor < minMinor);
}
