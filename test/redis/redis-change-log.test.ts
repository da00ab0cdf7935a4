import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ServerEvent } from '@modelcontextprotocol/server';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { CHANGES_KEYS, changesChannel } from '../../src/lua/keys.ts';
import { createChannels } from '../../src/redis/channels.ts';
import { connect, type Connection } from '../../src/redis/connection.ts';
import { createRedisChangeLog } from '../../src/redis/redis-change-log.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/time.ts';

const updated = (uri: string): ServerEvent => ({ kind: 'resource_updated', uri });

/** A log on a connection of its own, whose commands can fail, and what a listener hears of it. */
async function openLog(t: TestContext, url: string) {
  const clock = manualClock();
  const connection = await connect(url, { clock, log: createLogger({ level: 'error' }) });
  t.after(() => connection.close());
  const { subscriber, db } = connection;
  const opened = {
    clock,
    fails: false,
    heard: [] as string[],
    unsubscribe: () => subscriber.unsubscribe(changesChannel(db)),
    reconnect: () => subscriber.reconnect(),
  };
  const run: Connection['run'] = (...args) =>
    opened.fails ? Promise.reject(new UnavailableError('refused')) : connection.run(...args);
  const channels = createChannels(connection);
  const log = await createRedisChangeLog({ connection: { ...connection, run }, clock, channels });
  t.after(() => log.close());
  log.subscribe((event) => void (event.kind === 'resource_updated' && opened.heard.push(event.uri)));
  return Object.assign(opened, { log });
}

describe('the change log on Redis', { skip: NO_REDIS }, () => {
  test('publishes once more, not a hundred times, what a busy tool says while it is publishing', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const { log, heard } = await openLog(t, redis.url);

    for (let i = 0; i < 100; i += 1) log.publish(updated('urn:busy'));
    log.publish(updated('urn:other'));
    await waitFor(() => heard.length >= 3);
    log.publish(updated('urn:end'));
    await waitFor(() => heard.includes('urn:end'));
    assert.deepEqual(heard, ['urn:busy', 'urn:other', 'urn:busy', 'urn:end']);
  });

  test('goes on when Redis has come back with older data, and gives numbers once more', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const one = await openLog(t, redis.url);
    const other = await openLog(t, redis.url);
    for (const uri of ['urn:1', 'urn:2', 'urn:3']) one.log.publish(updated(uri));
    await waitFor(() => other.heard.length === 3);
    const [key = ''] = CHANGES_KEYS;
    await redis.command('HINCRBY', key, 'number', -2);
    other.reconnect();
    await waitFor(() => other.heard.length > 3 || other.log.last < one.log.last);
    for (const uri of ['urn:4', 'urn:5']) one.log.publish(updated(uri));
    await waitFor(() => other.heard.includes('urn:5'));
    assert.ok(other.heard.includes('urn:4'));
  });

  test('tells what was missed without a subscription, even if commands fail for longer than that', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const one = await openLog(t, redis.url);
    const other = await openLog(t, redis.url);
    one.log.publish(updated('urn:before'));
    await waitFor(() => other.heard.includes('urn:before'));
    const { last } = other.log;

    await other.unsubscribe();
    one.log.publish(updated('urn:missed'));
    await waitFor(() => one.heard.includes('urn:missed'));
    other.fails = true;
    other.reconnect();
    await waitFor(() => {
      one.log.publish(updated('urn:after'));
      return other.heard.includes('urn:after');
    });
    assert.equal(other.heard.includes('urn:missed'), false);
    assert.equal(other.log.last, last, 'nobody may be said to have heard of all up to a later one');

    other.fails = false;
    other.clock.advance(1000);
    await waitFor(() => other.heard.includes('urn:missed'));
    await waitFor(() => other.log.last > last);
    one.log.publish(updated('urn:end'));
    await waitFor(() => other.heard.includes('urn:end'));
    const { length } = other.heard;
    other.clock.advance(10_000);
    await other.log.since(0);
    assert.equal(other.heard.length, length, 'it has stopped to catch up');
  });
});
