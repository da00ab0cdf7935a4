/** The contracts, kept by the engines on a real Redis. */
import { after, before, describe, type TestContext } from 'node:test';
import { createChannels } from '../../src/redis/channels.ts';
import { connect } from '../../src/redis/connection.ts';
import { createRedisChangeLog } from '../../src/redis/redis-change-log.ts';
import { createRedisEventLog } from '../../src/redis/redis-event-log.ts';
import { createRedisRelay } from '../../src/redis/redis-relay.ts';
import { createRedisSessionStore } from '../../src/redis/redis-session-store.ts';
import { createRedisStateStore } from '../../src/redis/redis-state-store.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { changeLogContract } from '../contracts/change-log.contract.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';
import { relayContract } from '../contracts/relay.contract.ts';
import { sessionStoreContract } from '../contracts/session-store.contract.ts';
import { stateStoreContract } from '../contracts/state-store.contract.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis.ts';

describe('engines on Redis', { skip: NO_REDIS }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  async function open(t: TestContext, clock = manualClock(), url = redis.freshUrl()) {
    const connection = await connect(url, { clock, log: createLogger({ level: 'error' }) });
    t.after(() => connection.close());
    return { connection, channels: createChannels(connection), clock };
  }

  sessionStoreContract('Redis', async (options, t) => {
    const { connection } = await open(t);
    return createRedisSessionStore({ ...options, connection });
  });
  eventLogContract('Redis', async (options, t) => createRedisEventLog({ ...(await open(t)), ...options }));
  stateStoreContract('Redis', async (options, t) => {
    const { connection } = await open(t);
    return createRedisStateStore({ ...options, connection, idleMs: 60_000 });
  });
  changeLogContract('Redis', async (options, t) => {
    const log = await createRedisChangeLog({ ...(await open(t)), ...options });
    t.after(() => log.close());
    return log;
  });
  relayContract('Redis', async (count, t) => {
    const url = redis.freshUrl();
    const parts = await Promise.all(Array.from({ length: count }, () => open(t, manualClock(), url)));
    return Promise.all(parts.map((part) => createRedisRelay(part)));
  });
});
