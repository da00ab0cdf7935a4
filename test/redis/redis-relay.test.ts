import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createChannels } from '../../src/redis/channels.ts';
import { connect } from '../../src/redis/connection.ts';
import { createRedisRelay } from '../../src/redis/redis-relay.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';

describe('the relay on Redis', { skip: NO_REDIS }, () => {
  test('takes no node for dead while Redis has just lost the signs of life of all', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const clock = manualClock();
    const open = async () => {
      const connection = await connect(redis.url, { clock, log: createLogger({ level: 'error' }) });
      t.after(() => connection.close());
      return createRedisRelay({ connection, channels: createChannels(connection), clock });
    };
    const [one, other] = [await open(), await open()];
    await redis.command('FLUSHALL');
    assert.equal(await one.isAlive(other.node), true);
    await other.close();
    assert.equal(await one.isAlive(other.node), true);
    for (let passed = 0; passed < 15; passed += 5) clock.advance(5000);
    assert.equal(await one.isAlive(other.node), false);
    await one.close();
  });
});
