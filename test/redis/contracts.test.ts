/** The contracts, kept by the engines on a real Redis. */
import { after, before, describe } from 'node:test';
import { connect } from '../../src/redis/connection.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis.ts';
import { redisContracts } from './redis-contracts.ts';

describe('engines on Redis', { skip: NO_REDIS }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  redisContracts('Redis', (t, count) => {
    const url = redis.freshUrl();
    const opening = Array.from({ length: count }, async () => {
      const clock = manualClock();
      const connection = await connect(url, { clock, log: createLogger({ level: 'error' }) });
      t.after(() => connection.close());
      return { connection, clock };
    });
    return Promise.all(opening);
  });
});
