/** What happens to the engines when something is wrong with Redis. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { OpenEngines } from '../../src/contracts/engines.ts';
import type { SessionRecord } from '../../src/contracts/session-store.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createRedisEngines } from '../../src/redis/redis-engines.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { append } from '../contracts/append.ts';
import { NO_REDIS, startRedis, type TestRedis } from '../support/redis.ts';
import { freePort } from '../support/ports.ts';
import { waitFor } from '../support/time.ts';

interface Opened {
  engines: OpenEngines;
  /** The lines of the log. */
  log: string[];
}

async function start(t: TestContext, args?: string[]): Promise<TestRedis> {
  const redis = await startRedis(args);
  t.after(() => redis.stop());
  return redis;
}

async function open(t: TestContext, url: string): Promise<Opened> {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', write: (line) => void lines.push(line) });
  const engines = await createRedisEngines({ url, clock: systemClock, log, idleMs: 60_000 });
  t.after(() => engines.close());
  return { engines, log: lines };
}

function recordOf(id: string): SessionRecord {
  const initialize = JSON.stringify({ protocolVersion: '2025-11-25', capabilities: {} });
  const parts = { principal: 'p', createdAt: 0, initialized: true, subscriptions: [], toldChange: 0, version: 1 };
  return { id, initialize, ...parts };
}

/** Everything that a request may need. */
function attempts(engines: OpenEngines): Promise<unknown>[] {
  const { sessionStore, eventLog, stateStore, changes, relay, rateCounter } = engines;
  assert.ok(rateCounter);
  return [
    sessionStore.create(recordOf('new')),
    sessionStore.use('s', 'p'),
    sessionStore.count(),
    Promise.resolve(eventLog.append('s', 'get', '{}')),
    Promise.resolve(eventLog.take('s', 'get', 'me')),
    eventLog.follow('other', () => {}),
    stateStore.get('session:s', 'a'),
    stateStore.write('session:s', 'a', { value: '1', expected: undefined, ttlMs: undefined }),
    changes.since(0),
    relay.isAlive('0'.repeat(32)),
    relay.send('s', { kind: 'changed' }),
    rateCounter.add('minute', 'a', 1, 60),
  ];
}

async function assertUnavailable(engines: OpenEngines): Promise<void> {
  for (const result of await Promise.allSettled(attempts(engines))) {
    assert.equal(result.status, 'rejected');
    assert.ok(result.reason instanceof UnavailableError, String(result.reason));
  }
}

/** Waits until everything works. */
async function recovered(engines: OpenEngines): Promise<void> {
  await waitFor(async () => {
    const results = await Promise.allSettled(attempts(engines));
    return results.every(({ status }) => status === 'fulfilled');
  });
  assert.equal(engines.isAvailable(), true);
}

describe('trouble with Redis', { skip: NO_REDIS }, () => {
  test('rejects while Redis is killed, and works again when it is back, without a restart', async (t) => {
    const redis = await start(t);
    const { engines, log } = await open(t, redis.url);
    await engines.sessionStore.create(recordOf('s'));
    await redis.kill();
    await waitFor(() => !engines.isAvailable());
    await assertUnavailable(engines);
    await redis.restart();
    await recovered(engines);
    assert.equal(await engines.sessionStore.use('s', 'p'), undefined, 'Redis has lost it');
    assert.equal(log.filter((line) => line.includes('Redis is unavailable')).length, 1, log.join('\n'));
    assert.equal(log.filter((line) => line.includes('available again')).length, 1, log.join('\n'));
  });

  test('waits for a Redis that does not answer a few times, then not any more, until it does', async (t) => {
    const redis = await start(t);
    const { engines } = await open(t, redis.url);
    await engines.sessionStore.create(recordOf('s'));
    redis.signal('SIGSTOP');
    await assertUnavailable(engines);
    assert.equal(engines.isAvailable(), false);
    const hasAnswered = { yet: false };
    const refused = engines.sessionStore.use('s', 'p').catch(() => (hasAnswered.yet = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(hasAnswered.yet, true, 'nothing is sent while the circuit is open');
    await refused;
    redis.signal('SIGCONT');
    await recovered(engines);
    assert.notEqual(await engines.sessionStore.use('s', 'p'), undefined);
  });

  test('follows and hears again after a break, and looks at what may have been missed', async (t) => {
    const redis = await start(t);
    const [one, other] = [await open(t, redis.url), await open(t, redis.url)];
    const woken: string[] = [];
    const heard: unknown[] = [];
    const relayed: unknown[] = [];
    await append(one.engines.eventLog, 's', 'get', '{}');
    await other.engines.eventLog.follow('s', (streamId) => void woken.push(streamId));
    await other.engines.relay.join('s', (message) => void relayed.push(message));
    other.engines.changes.subscribe((event) => void heard.push(event));
    one.engines.changes.publish({ kind: 'tools_list_changed' });
    await waitFor(() => heard.length === 1);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(() => woken.includes('get'));
    woken.length = 0;
    await append(one.engines.eventLog, 's', 'later', '{}');
    await waitFor(() => woken.includes('later'));
    one.engines.changes.publish({ kind: 'prompts_list_changed' });
    await waitFor(() => heard.length === 2);
    await one.engines.relay.send('s', { kind: 'changed' });
    await waitFor(() => relayed.length === 1);
    assert.deepEqual(heard, [{ kind: 'tools_list_changed' }, { kind: 'prompts_list_changed' }]);
  });

  test('tells of the changes that were published while nobody could hear them, once and in order', async (t) => {
    const redis = await start(t);
    const [one, other] = [await open(t, redis.url), await open(t, redis.url)];
    const heard: unknown[] = [];
    other.engines.changes.subscribe((event) => void heard.push(event));
    const updated = (uri: string) => ({ kind: 'resource_updated', uri }) as const;
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // It takes longer than that to connect again.
    for (const uri of ['a', 'b', 'a']) one.engines.changes.publish(updated(uri));
    await waitFor(() => heard.length >= 2);
    one.engines.changes.publish(updated('d'));
    await waitFor(() => heard.length >= 3);
    assert.deepEqual(heard, ['b', 'a', 'd'].map(updated));
  });

  test('publishes what has changed while Redis was unavailable when it is back, and tells listeners here at once', async (t) => {
    const redis = await start(t);
    const [one, other] = [await open(t, redis.url), await open(t, redis.url)];
    const here: unknown[] = [];
    const there: unknown[] = [];
    one.engines.changes.subscribe((event) => void here.push(event));
    await redis.kill();
    await waitFor(() => !one.engines.isAvailable());
    one.engines.changes.publish({ kind: 'tools_list_changed' });
    await waitFor(() => here.length === 1);
    other.engines.changes.subscribe((event) => void there.push(event));
    await redis.restart();
    await waitFor(() => there.some((event) => (event as { kind: string }).kind === 'tools_list_changed'));
    assert.deepEqual((await other.engines.changes.since(0)).events, [{ kind: 'tools_list_changed' }]);
  });

  test('has lost everything after FLUSHALL, says so, and goes on', async (t) => {
    const redis = await start(t);
    const { engines } = await open(t, redis.url);
    const { sessionStore, eventLog, changes, relay } = engines;
    const heard: unknown[] = [];
    changes.subscribe((event) => void heard.push(event));
    await sessionStore.create(recordOf('s'));
    const id = await append(eventLog, 's', 'get', '{}');
    changes.publish({ kind: 'tools_list_changed' });
    await waitFor(() => heard.length === 1);
    const { last } = changes;
    await redis.command('FLUSHALL');
    assert.equal(await sessionStore.use('s', 'p'), undefined);
    assert.equal(await sessionStore.update('s', { initialized: true }), undefined);
    assert.equal(await eventLog.after('s', id), undefined);
    assert.equal((await changes.since(last)).isComplete, false);
    changes.publish({ kind: 'prompts_list_changed' });
    await waitFor(() => heard.length === 2);
    assert.equal((await changes.since(last)).isComplete, false, 'numbers of the earlier log mean nothing');
    assert.deepEqual((await changes.since(changes.last)).events, []);
    assert.equal(await relay.isAlive(relay.node), true);
    assert.notEqual(await append(eventLog, 's', 'get', '{}'), id);
  });

  test('refuses what needs memory that Redis does not have, and goes on with what is there', async (t) => {
    const redis = await start(t);
    const { engines } = await open(t, redis.url);
    const { sessionStore, eventLog, stateStore, relay } = engines;
    await sessionStore.create(recordOf('s'));
    const id = await append(eventLog, 's', 'get', '{}');
    await eventLog.hold('s', 'get', 'me');
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
    await assert.rejects(sessionStore.create(recordOf('new')), UnavailableError);
    await assert.rejects(async () => eventLog.append('s', 'get', '{}'), UnavailableError);
    const write = { value: '1', expected: undefined, ttlMs: undefined };
    assert.equal(await stateStore.write('session:s', 'a', write), 'full');
    assert.equal(await sessionStore.get('new'), undefined);
    assert.notEqual(await sessionStore.use('s', 'p'), undefined);
    assert.equal((await eventLog.take('s', 'get', 'me'))?.length, 1);
    await eventLog.touch('s');
    assert.deepEqual((await eventLog.after('s', id))?.events, []);
    assert.equal(await relay.isAlive(relay.node), true);
    assert.equal(engines.isAvailable(), true);
    assert.equal(await sessionStore.delete('s'), true);
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    await recovered(engines);
  });

  test('goes on with the replica that has taken over, when the name leads to it', async (t) => {
    const [master, replica] = [await startOnPort(t), await startOnPort(t)];
    await replica.redis.command('REPLICAOF', '127.0.0.1', master.port);
    const name = await switchedName(t, master.port);
    const { engines } = await open(t, name.url);
    const woken: string[] = [];
    await engines.sessionStore.create(recordOf('s'));
    await engines.eventLog.follow('s', (streamId) => void woken.push(streamId));
    await waitFor(async () => (await replica.redis.command('DBSIZE')) === (await master.redis.command('DBSIZE')));
    await replica.redis.command('REPLICAOF', 'NO', 'ONE');
    // The old master goes on, but only reads, and it hears nothing of the new one.
    await master.redis.command('REPLICAOF', '127.0.0.1', await freePort());
    name.leadTo(replica.port);
    await assert.rejects(engines.sessionStore.use('s', 'p'), UnavailableError);
    await recovered(engines);
    assert.notEqual(await engines.sessionStore.use('s', 'p'), undefined);
    await waitFor(() => woken.includes('get'));
  });
});

async function startOnPort(t: TestContext): Promise<{ redis: TestRedis; port: number }> {
  const port = await freePort();
  return {
    redis: await start(t, ['--port', `${port}`, '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0']),
    port,
  };
}

/** A URL that leads to one port, and after a switch to another, for new connections. */
async function switchedName(t: TestContext, first: number): Promise<{ url: string; leadTo: (port: number) => void }> {
  let target = first;
  const server = createServer((socket) => {
    const redis = createConnection(target, '127.0.0.1');
    for (const end of [socket, redis]) end.on('error', () => {});
    socket.pipe(redis).pipe(socket);
    t.after(() => socket.destroy());
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `redis://127.0.0.1:${port}`, leadTo: (other) => (target = other) };
}
