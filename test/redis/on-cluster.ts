/** The engines on a Redis Cluster of three masters. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { createChannels } from '../../src/redis/channels.ts';
import { connect } from '../../src/redis/connection.ts';
import { createRedisEngines } from '../../src/redis/redis-engines.ts';
import { createRedisEventLog } from '../../src/redis/redis-event-log.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { append } from '../contracts/append.ts';
import { NO_REDIS, startCluster, type TestCluster } from '../support/redis.ts';
import { waitFor } from '../support/time.ts';
import { redisContracts } from './redis-contracts.ts';
import { listedRights, useAll } from './use-all.ts';

const log = createLogger({ level: 'error' });

describe('engines on a Redis Cluster', { skip: NO_REDIS }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  /** A new connection to a cluster that keeps nothing. */
  async function open(t: TestContext, clock: Clock = systemClock) {
    await cluster.flush();
    return reopen(t, clock);
  }

  async function reopen(t: TestContext, clock: Clock) {
    const connection = await connect(cluster.url, { clock, log });
    t.after(() => connection.close());
    return { connection, channels: createChannels(connection), clock };
  }

  redisContracts('Redis Cluster', async (t, count) => {
    await cluster.flush();
    return Promise.all(Array.from({ length: count }, () => reopen(t, systemClock)));
  });

  test('finds the cluster by one of its nodes, and spreads sessions over all', async (t) => {
    await cluster.flush();
    const [url = ''] = cluster.url.split(',');
    const engines = await createRedisEngines({ url, clock: systemClock, log, idleMs: 60_000 });
    t.after(() => engines.close());
    for (let i = 0; i < 60; i += 1) {
      const parts = { createdAt: 0, initialize: '{}', initialized: true, subscriptions: [], toldChange: 0, version: 1 };
      await engines.sessionStore.create({ id: `session-${i}`, principal: '', ...parts });
    }
    const sizes = (await cluster.commands('DBSIZE')).map(Number);
    assert.ok(
      sizes.every((size) => size > 10),
      sizes.join(' '),
    );
    assert.equal(await engines.sessionStore.count(), 60);
    assert.equal((await engines.sessionStore.leastRecentlyUsed(50)).length, 50);
  });

  test('hears again after its subscriptions were cut', async (t) => {
    const { connection, channels, clock } = await open(t);
    const eventLog = createRedisEventLog({ connection, channels, clock });
    const woken: string[] = [];
    await append(eventLog, 's', 'before', '{}');
    await eventLog.follow('s', (streamId) => void woken.push(streamId));
    await cluster.commands('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(() => woken.includes('before'));
    await append(eventLog, 's', 'after', '{}');
    await waitFor(() => woken.includes('after'));
  });

  test('needs no other rights than those that the docs list', async (t) => {
    await cluster.flush();
    const { one, cluster: more } = await listedRights();
    await cluster.commands('ACL', 'SETUSER', 'mcp', ...one, ...more);
    const url = cluster.url.replace('://', '://mcp:password@');
    const engines = await createRedisEngines({ url, clock: systemClock, log, idleMs: 60_000 });
    t.after(() => engines.close());
    await useAll(engines);
    assert.deepEqual((await cluster.commands('ACL', 'LOG')).flat(), []);
  });

  test('refuses a database, of which a cluster has only one', async () => {
    const [url] = cluster.url.split(',');
    await assert.rejects(connect(`${url}/1`, { clock: systemClock, log }), /^ConfigError: REDIS_URL/);
  });
});
