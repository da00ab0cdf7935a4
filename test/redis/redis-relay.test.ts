import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { RelayMessage } from '../../src/contracts/relay.ts';
import { channelOf } from '../../src/lua/keys.ts';
import { createChannels } from '../../src/redis/channels.ts';
import { connect, type Connection } from '../../src/redis/connection.ts';
import { createRedisRelay } from '../../src/redis/redis-relay.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/time.ts';

const message = (data: string): RelayMessage => ({
  kind: 'message',
  message: { jsonrpc: '2.0', method: 'notifications/message', params: { data } },
});

/** A relay on a connection of its own. */
async function openRelay(t: TestContext, url: string, clock = manualClock()) {
  const connection = await connect(url, { clock, log: createLogger({ level: 'error' }) });
  t.after(() => connection.close());
  const relay = await createRedisRelay({ connection, channels: createChannels(connection), clock });
  return { relay, connection, clock };
}

describe('the relay on Redis', { skip: NO_REDIS }, () => {
  test('sends again what nobody has heard, since the node it is for may be about to subscribe again', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const sender = await openRelay(t, redis.url);
    const { relay, connection } = await openRelay(t, redis.url);
    const heard: RelayMessage[] = [];
    await sender.relay.join('s', () => {});
    await relay.join('s', (one) => void heard.push(one));
    await connection.subscriber.unsubscribe(channelOf('s', 0));
    await sender.relay.send('s', message('1'));
    connection.subscriber.reconnect();
    const subscribers = async () => ((await redis.command('PUBSUB', 'NUMSUB', channelOf('s', 0))) as unknown[])[1];
    await waitFor(async () => (await subscribers()) === 2);
    sender.clock.advance(500);
    await waitFor(() => heard.length > 0);
    assert.deepEqual(heard, [message('1')]);
    sender.clock.advance(10_000);
    await sender.relay.send('s', message('2'));
    await waitFor(() => heard.length > 1);
    assert.deepEqual(heard, [message('1'), message('2')], 'each once');
  });

  test('has large messages wait for each other, and not what else is sent', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const { connection, clock } = await openRelay(t, redis.url);
    let publishing = 0;
    let most = 0;
    const call: Connection['call'] = async (...command) => {
      publishing += 1;
      most = Math.max(most, publishing);
      const reply = await connection.call(...command);
      publishing -= 1;
      return reply;
    };
    const channels = createChannels(connection);
    const relay = await createRedisRelay({ connection: { ...connection, call }, channels, clock });
    const send = (chars: number) =>
      Promise.all(Array.from({ length: 5 }, () => relay.send('s', message('x'.repeat(chars)))));
    await send(100_000);
    assert.equal(most, 1);
    await send(100);
    assert.equal(most, 5);
  });

  test('ignores what is no message of a node', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const { relay } = await openRelay(t, redis.url);
    const heard: RelayMessage[] = [];
    await relay.join('s', (one) => void heard.push(one));
    const other = await openRelay(t, redis.url);
    for (const text of [`r${'0'.repeat(32)}{`, 'r', '']) await redis.command('PUBLISH', channelOf('s', 0), text);
    await other.relay.send('s', message('1'));
    await waitFor(() => heard.length > 0);
    assert.deepEqual(heard, [message('1')]);
  });

  test('takes no node for dead while Redis has just lost the signs of life of all', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const clock = manualClock();
    const { relay: one } = await openRelay(t, redis.url, clock);
    const { relay: other } = await openRelay(t, redis.url, clock);
    await redis.command('FLUSHALL');
    assert.equal(await one.isAlive(other.node), true);
    await other.close();
    assert.equal(await one.isAlive(other.node), true);
    for (let passed = 0; passed < 15; passed += 5) clock.advance(5000);
    assert.equal(await one.isAlive(other.node), false);
    await one.close();
  });
});
