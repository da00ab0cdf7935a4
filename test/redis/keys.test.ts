/** What is in Redis: how much, for how long, and nothing of what has ended. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { createRedisEngines } from '../../src/redis/redis-engines.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { append } from '../contracts/append.ts';
import { manualClock } from '../support/clock.ts';
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis.ts';

const DAY_MS = 24 * 60 * 60_000;
const IDLE_MS = 30 * 60_000;
/** How long the log of an unused session is kept. */
const LOG_AGE_MS = 5 * 60_000;
/** As a real client sends them. */
const INITIALIZE = JSON.stringify({
  protocolVersion: '2025-11-25',
  capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
  clientInfo: { name: 'some-client', title: 'Some client', version: '1.23.4', websiteUrl: 'https://client.example/' },
  _meta: { note: 'x'.repeat(60) },
});

describe('keys in Redis', { skip: NO_REDIS }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  async function open(t: TestContext, idleMs = IDLE_MS) {
    await redis.command('FLUSHALL');
    const clock = manualClock();
    const log = createLogger({ level: 'error' });
    const engines = await createRedisEngines({ url: redis.url, clock, log, idleMs });
    t.after(() => engines.close());
    const create = (id: string, principal = 'p') => {
      const parts = { createdAt: clock.now(), initialized: true, subscriptions: [], toldChange: 0, version: 1 };
      return engines.sessionStore.create({ id, principal, initialize: INITIALIZE, ...parts });
    };
    return { ...engines, clock, create };
  }

  async function keys(): Promise<string[]> {
    return ((await redis.command('KEYS', '*')) as string[]).toSorted();
  }

  /** Gives a session one of everything. */
  async function fill({ eventLog, stateStore }: Awaited<ReturnType<typeof open>>, id: string): Promise<void> {
    await append(eventLog, id, 'get', '{}');
    await append(eventLog, id, 'ended', '{}');
    await eventLog.end(id, 'ended');
    await stateStore.write(`session:${id}`, 'a', { value: '1', expected: undefined, ttlMs: undefined });
    await stateStore.write(`session:${id}`, 'b', { value: '1', expected: undefined, ttlMs: 1000 });
  }

  test('removes everything of a session along with its record, when it is deleted and when it is taken', async (t) => {
    const engines = await open(t);
    const empty = await keys();
    await engines.create('deleted');
    await engines.create('expired');
    const bare = await keys();
    await fill(engines, 'deleted');
    await fill(engines, 'expired');
    assert.equal((await keys()).length, bare.length + 12);
    assert.equal(await engines.sessionStore.delete('deleted'), true);
    assert.deepEqual(
      (await keys()).filter((key) => key.includes('deleted')),
      [],
    );
    engines.clock.advance(IDLE_MS);
    assert.deepEqual(await engines.sessionStore.takeExpired(10), ['expired']);
    assert.deepEqual(await keys(), empty);
  });

  test('leaves nothing behind of values, logs and sessions that have been removed', async (t) => {
    const engines = await open(t);
    const empty = await keys();
    await fill(engines, 's');
    await engines.eventLog.delete('s');
    await engines.stateStore.clear('session:s');
    await engines.stateStore.write('caller:p', 'a', { value: '1', expected: undefined, ttlMs: 1000 });
    await engines.stateStore.delete('caller:p', 'a');
    await engines.stateStore.delete('caller:p', 'never there');
    assert.deepEqual(await keys(), empty);
  });

  test('has Redis remove what no node has removed, some time after it has expired', async (t) => {
    const engines = await open(t);
    await engines.create('s');
    await fill(engines, 's');
    await engines.stateStore.write('caller:p', 'a', { value: '1', expected: undefined, ttlMs: 1000 });
    for (const key of await keys()) {
      const ttl = Number(await redis.command('PTTL', key));
      const most = key.includes(':principal:') ? 30 * DAY_MS : 2 * IDLE_MS + DAY_MS;
      assert.ok(ttl > 0 && ttl <= most, `${key} ${ttl}`);
    }
    await engines.stateStore.write('caller:p', 'b', { value: '1', expected: undefined, ttlMs: undefined });
    const state = (await keys()).find((key) => key.endsWith('state:caller:p')) ?? '';
    assert.equal(await redis.command('PTTL', state), -1, 'a value that does not expire stays');
  });

  test('has Redis keep what is in use', async (t) => {
    const engines = await open(t);
    await engines.create('s');
    await fill(engines, 's');
    const ofSession = (await keys()).filter((key) => /:s$|used$/.test(key) && !/:(log|ended):/.test(key));
    assert.equal(ofSession.length, 4);
    for (const key of ofSession) await redis.command('PEXPIRE', key, 60_000);
    const uses = DAY_MS / IDLE_MS + 1;
    for (let use = 0; use < uses; use += 1) {
      engines.clock.advance(IDLE_MS - 1);
      assert.notEqual(await engines.sessionStore.use('s', 'p'), undefined);
    }
    for (const key of ofSession) assert.ok(Number(await redis.command('PTTL', key)) > IDLE_MS, key);
  });

  test('has Redis keep the events of a session that is in use', async (t) => {
    const engines = await open(t);
    await fill(engines, 's');
    const ofLog = (await keys()).filter((key) => /:(log|ended|stream):/.test(key));
    assert.equal(ofLog.length, 4);
    for (const key of ofLog) await redis.command('PEXPIRE', key, 60_000);
    for (let touch = 0; touch < 2; touch += 1) {
      engines.clock.advance(LOG_AGE_MS - 1);
      await engines.eventLog.touch('s');
    }
    for (const key of ofLog) assert.ok(Number(await redis.command('PTTL', key)) > LOG_AGE_MS, key);
  });

  test('keeps no events for longer than the log that knows who has got them', async (t) => {
    const { eventLog } = await open(t);
    await eventLog.hold('s', 'get', 'holder');
    const log = (await keys()).find((key) => key.endsWith(':log:s')) ?? '';
    // As if the log had been used for the last time a while ago.
    await redis.command('PEXPIRE', log, 60_000);
    await append(eventLog, 's', 'get', '{}');
    await append(eventLog, 's', 'get', '{}');
    const stream = (await keys()).find((key) => key.endsWith(':stream:s:get')) ?? '';
    const ttl = async (key: string) => Number(await redis.command('PTTL', key));
    const ttlOfStream = await ttl(stream);
    assert.ok(ttlOfStream > 0 && ttlOfStream <= 60_000, `${ttlOfStream}`);
    assert.ok((await ttl(log)) > 0);
  });

  test('forgets the events of a session when Redis has come back with older data', async (t) => {
    const { eventLog } = await open(t);
    await eventLog.hold('s', 'get', 'holder');
    const id = await append(eventLog, 's', 'get', '{}');
    assert.equal((await eventLog.take('s', 'get', 'holder', 0))?.length, 1);
    assert.equal(await eventLog.take('s', 'get', 'holder', 2), undefined, 'it has got one that is not there');
    assert.equal(await eventLog.after('s', id), undefined);
  });

  test('takes less than 1000 bytes for an idle session', async (t) => {
    const { create } = await open(t);
    const used = async () => Number(/used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1]);
    const empty = await used();
    const count = 5000;
    for (let i = 0; i < count; i += 1000) {
      const ids = Array.from({ length: 1000 }, () => crypto.randomUUID());
      await Promise.all(ids.map((id, index) => create(id, `["https://issuer.example/","user ${index}","client"]`)));
    }
    const bytes = ((await used()) - empty) / count;
    assert.ok(bytes > 400 && bytes < 1000, `${bytes}`);
  });
});
