/** How long sessions stay, and how many there may be. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { principalKey } from '../../src/auth/caller.ts';
import {
  answerOf,
  gate,
  initializeRequest,
  JSON_HEADERS,
  openSession,
  readStream,
  rpc,
  type TestApp,
} from '../support/app.ts';
import { bearer, principalOf, sessionApp } from '../support/session-app.ts';
import { createSpeaker, speak } from '../support/speaker.ts';
import { pass, settled } from '../support/time.ts';

const IDLE_MS = 1800 * 1000;

describe('an idle session', () => {
  test('expires after MCP_SESSION_IDLE_SECONDS without a request', async () => {
    const { app, clock } = sessionApp({}, { MCP_SESSION_IDLE_SECONDS: '100' });
    const session = await openSession(app);
    for (let use = 0; use < 3; use += 1) {
      await pass(clock, 99_999);
      assert.equal((await session.post(rpc('ping'))).status, 200);
    }
    await pass(clock, 100_000);
    assert.equal((await session.post(rpc('ping'))).status, 404);
  });

  for (const idleSeconds of [1, 30, 1800]) {
    test(`does not expire within ${idleSeconds} seconds times ten while a GET stream is open, but after it`, async () => {
      const { app, clock, store } = sessionApp({}, { MCP_SESSION_IDLE_SECONDS: String(idleSeconds) });
      const session = await openSession(app);
      const stream = readStream(await session.get());
      await pass(clock, idleSeconds * 10_000, Math.min(5000, idleSeconds * 500));
      assert.notEqual(await store.get(session.id), undefined);
      await stream.cancel();
      await settled();
      clock.advance(idleSeconds * 1000 - 1);
      assert.notEqual(await store.get(session.id), undefined);
      clock.advance(1);
      assert.equal(await store.get(session.id), undefined);
    });
  }

  test('does not expire under a request that comes in time, nor before the idle time after its end', async () => {
    const speaker = createSpeaker();
    const { app, clock, store } = sessionApp(speaker.tools, { MCP_SESSION_IDLE_SECONDS: '100' });
    const session = await openSession(app);
    await pass(clock, 99_000);
    const call = await speak(session);
    await pass(clock, 12_000);
    (await speaker.next()).end('done');
    assert.match(await call.text(), /done/);
    await pass(clock, 99_999);
    assert.notEqual(await store.get(session.id), undefined);
    clock.advance(1);
    assert.equal(await store.get(session.id), undefined);
  });

  test('does not expire while a call runs whose client has gone, and keeps its result for a while', async () => {
    const waiting = gate();
    const { app, clock, store, servers } = sessionApp({ wait: () => waiting.opened.then(() => 'done') });
    const session = await openSession(app);
    const call = readStream(await session.post(rpc('tools/call', { name: 'wait', arguments: {} })));
    await call.next();
    await call.cancel();
    await pass(clock, 2 * IDLE_MS);
    assert.equal(servers.open, 1);
    waiting.open();
    await settled();
    assert.notEqual(await store.get(session.id), undefined);
    await pass(clock, IDLE_MS);
    assert.equal(await store.get(session.id), undefined);
    assert.equal(servers.open, 0);
  });
});

describe('at MCP_MAX_SESSIONS', () => {
  test('the least recently used session makes room for a new one', async () => {
    const { app, clock } = sessionApp({}, { MCP_MAX_SESSIONS: '3' });
    const sessions = [];
    for (let i = 0; i < 3; i += 1) {
      sessions.push(await openSession(app));
      clock.advance(1000);
    }
    const [first, second, third] = sessions;
    await first?.post(rpc('ping'));
    const fourth = await openSession(app);
    const statuses = [];
    for (const session of [first, second, third, fourth]) statuses.push((await session?.post(rpc('ping')))?.status);
    assert.deepEqual(statuses, [200, 404, 200, 200]);
  });

  test('sessions with a stream or a call are passed over, and their clients notice nothing', async () => {
    const waiting = gate();
    const { app, clock } = sessionApp({ wait: () => waiting.opened }, { MCP_MAX_SESSIONS: '3' });
    const [streaming, calling] = [await openSession(app), await openSession(app)];
    const stream = readStream(await streaming.get());
    const call = await calling.post(rpc('tools/call', { name: 'wait', arguments: {} }));
    clock.advance(1000);
    const idle = await openSession(app);
    await openSession(app);
    assert.equal((await idle.post(rpc('ping'))).status, 404);
    waiting.open();
    assert.notEqual((await answerOf(call)).result, undefined);
    assert.notEqual((await stream.next()).id, undefined);
  });

  test('the one that is not in use is found behind any number that are', async () => {
    const { app, store } = sessionApp({}, { MCP_MAX_SESSIONS: '251' });
    for (let i = 0; i < 250; i += 1) await (await openSession(app)).get();
    const idle = await openSession(app);
    await openSession(app);
    assert.equal((await idle.post(rpc('ping'))).status, 404);
    assert.equal(await store.count(), 251);
  });

  test('answers 503 with Retry-After while every session is in use, and 200 when one is not', async () => {
    const { app, store } = sessionApp({}, { MCP_MAX_SESSIONS: '2' });
    const [one, two] = [await openSession(app), await openSession(app)];
    const streams = [readStream(await one.get()), readStream(await two.get())];
    const initialize = initializeRequest();
    const refused = await app.request('POST', { headers: JSON_HEADERS, body: initialize });
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.equal((await answerOf(refused)).id, initialize.id);
    assert.equal(await store.count(), 2);
    assert.match(app.lines.join('\n'), /MCP_MAX_SESSIONS/);
    await streams[0]?.cancel();
    await settled();
    await openSession(app);
    assert.equal((await one.post(rpc('ping'))).status, 404);
    assert.equal((await two.post(rpc('ping'))).status, 200);
  });

  test('the cap holds for any number of clients that open at the same time', async () => {
    const { app, store } = sessionApp({}, { MCP_MAX_SESSIONS: '5', MCP_MAX_SESSIONS_PER_PRINCIPAL: '3' });
    for (const token of ['alice.1', 'bob.1']) {
      await Promise.all(Array.from({ length: 20 }, () => initializeAs(app, token)));
      assert.equal(await store.count(principalKey({ principal: principalOf(token) })), 3);
    }
    assert.equal(await store.count(), 5);
  });
});

describe('at MCP_MAX_SESSIONS_PER_PRINCIPAL', () => {
  const env = { MCP_MAX_SESSIONS_PER_PRINCIPAL: '2' };

  test('a principal’s least recently used session makes room, never another’s', async () => {
    const { app, clock } = sessionApp({}, env);
    const bobs = await openSession(app, bearer('bob.1'));
    const alices = [];
    for (let i = 0; i < 3; i += 1) {
      clock.advance(1000);
      alices.push(await openSession(app, bearer('alice.1')));
    }
    const statuses = [];
    for (const session of [bobs, ...alices]) statuses.push((await session.post(rpc('ping'))).status);
    assert.deepEqual(statuses, [200, 404, 200, 200]);
  });

  test('answers 503 with Retry-After while all of a principal’s sessions are in use, and 200 to others', async () => {
    const { app } = sessionApp({}, env);
    for (let i = 0; i < 2; i += 1) await (await openSession(app, bearer('alice.1'))).get();
    const refused = await initializeAs(app, 'alice.2');
    assert.equal(refused.status, 503);
    assert.notEqual(refused.headers.get('retry-after'), null);
    assert.equal((await initializeAs(app, 'bob.1')).status, 200);
  });

  test('unauthenticated callers do not count as one principal', async () => {
    const { app, store } = sessionApp({}, env);
    for (let i = 0; i < 5; i += 1) await openSession(app);
    assert.equal(await store.count(), 5);
  });
});

test('expired events are forgotten even if nobody uses the log', async () => {
  const { eventLog, clock } = sessionApp();
  let pruned = 0;
  const prune = async () => void (pruned += 1);
  sessionApp({}, {}, { clock, eventLog: { ...eventLog, prune } });
  await pass(clock, 60_000);
  assert.ok(pruned > 0);
});

function initializeAs(app: TestApp, token: string): Promise<Response> {
  return app.request('POST', { headers: { ...JSON_HEADERS, ...bearer(token) }, body: initializeRequest() });
}
