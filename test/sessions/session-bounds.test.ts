/** How long sessions stay, and how many: their records and, apart from those, what lives in memory. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCallsInFlight } from '../../src/calls-in-flight.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import {
  answerOf,
  gate,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type TestApp,
  URL_OF_APP,
} from '../support/app.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const IDLE_MS = 1800 * 1000;
const MINUTE_MS = 60_000;

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
  test('the longest unused session makes room for a new one', async () => {
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
      assert.equal(await store.count(token.slice(0, -2)), 3);
    }
    assert.equal(await store.count(), 5);
  });
});

describe('at MCP_MAX_SESSIONS_PER_PRINCIPAL', () => {
  const env = { MCP_MAX_SESSIONS_PER_PRINCIPAL: '2' };

  test('a principal’s longest unused session makes room, never another’s', async () => {
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

  test('those who are not asked who they are do not count as one principal', async () => {
    const { app, store } = sessionApp({}, env);
    for (let i = 0; i < 5; i += 1) await openSession(app);
    assert.equal(await store.count(), 5);
  });
});

describe('a session in memory', () => {
  test('is dropped a minute after its last use, and comes back from its record', async () => {
    const { app, clock, servers, store } = sessionApp({ one: () => 1 });
    const session = await openSession(app);
    await pass(clock, MINUTE_MS - 20_000);
    await session.call('one', {});
    await pass(clock, MINUTE_MS - 20_000);
    assert.equal(servers.open, 1, 'not a minute since the call');
    await pass(clock, 40_000);
    assert.equal(servers.open, 0);
    assert.equal(await store.count(), 1);
    assert.equal((await session.call('one', {})).result?.content?.[0]?.text, '1');
    assert.equal(servers.created, 2);
  });

  test('stays while a stream is open or a call runs, also when its client has gone', async () => {
    const waiting = gate();
    const { app, clock, servers } = sessionApp({ wait: () => waiting.opened });
    const [streaming, calling] = [await openSession(app), await openSession(app)];
    const stream = readStream(await streaming.get());
    const call = readStream(await calling.post(rpc('tools/call', { name: 'wait', arguments: {} })));
    await call.cancel();
    await pass(clock, 5 * MINUTE_MS);
    assert.equal(servers.open, 2);
    await stream.cancel();
    waiting.open();
    await pass(clock, 2 * MINUTE_MS);
    assert.equal(servers.open, 0);
  });

  test('is dropped early when there are more than maxLive, the longest unused first', async () => {
    const { clock, store, eventLog, servers } = sessionApp();
    const log = createLogger({ level: 'silent', write: () => {} });
    const limits = { idleMs: IDLE_MS, maxSessions: 100, maxSessionsPerPrincipal: 100, maxLive: 3, keepAliveMs: 0 };
    const { createServer } = servers;
    const timersBefore = clock.pending;
    const callsInFlight = createCallsInFlight();
    const sessions = createSessions({ createServer, store, eventLog, callsInFlight, clock, log, ...limits });
    const send = async (method: string, body: unknown, id?: string) => {
      const headers = { ...JSON_HEADERS, 'mcp-protocol-version': LATEST_LEGACY, ...(id && { 'mcp-session-id': id }) };
      return sessions.handle(new Request(URL_OF_APP, { method, headers }), body, { principal: '' });
    };
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      const opened = await send('POST', initializeRequest());
      await opened.text();
      ids.push(opened.headers.get('mcp-session-id') ?? '');
      if (i === 0) await send('GET', undefined, ids[0]);
      if (i === 2) await (await send('POST', rpc('ping'), ids[1])).text();
    }
    await settled();
    assert.equal(sessions.live, 3);
    const createdBefore = servers.created;
    for (const id of [ids[0], ids[1], ids[3]]) await (await send('POST', rpc('ping'), id)).text();
    assert.equal(servers.created, createdBefore, 'one has a stream, one was used later, one is new');
    assert.equal(await store.count(), 4);
    await (await send('POST', rpc('ping'), ids[2])).text();
    assert.equal(servers.created, createdBefore + 1);
    await sessions.close();
    assert.equal(servers.open, 0);
    assert.equal(clock.pending, timersBefore);
  });

  test('is looked at once in a tick, however busy it is meanwhile', async () => {
    const { store, clock } = sessionApp();
    let ticking = false;
    let looks = 0;
    const busy: SessionStore = {
      ...store,
      touch: async (id) => {
        if (ticking && looks < 20) {
          ticking = false;
          looks += 1;
          await (await sessionOf(app, id).post(rpc('ping'))).text();
          await settled();
          ticking = true;
        }
        return store.touch(id);
      },
    };
    const { app } = sessionApp({}, {}, { sessionStore: busy, clock });
    for (let i = 0; i < 3; i += 1) await (await openSession(app)).get();
    ticking = true;
    clock.advance(15_000);
    for (let turn = 0; turn < 100; turn += 1) await settled();
    assert.equal(looks, 3);
  });

  test('is built once for any number of first requests', async () => {
    const { app, another, servers } = sessionApp({ one: () => 1 });
    const session = await openSession(app);
    const onNewNode = sessionOf(another(), session.id);
    const answers = await Promise.all(Array.from({ length: 20 }, () => onNewNode.call('one', {})));
    assert.ok(answers.every(({ result }) => result?.content?.[0]?.text === '1'));
    assert.equal(servers.created, 2, 'one for each node');
  });

  test('answers 500 to everyone who waits when it cannot be built, and is tried again', async () => {
    const good = sessionApp({ one: () => 1 });
    const session = await openSession(good.app);
    let fail = true;
    const { app } = sessionApp(
      {},
      {},
      {
        sessionStore: good.store,
        eventLog: good.eventLog,
        createServer: (context) =>
          fail ? Promise.reject(new Error('no database')) : good.servers.createServer(context),
      },
    );
    const there = sessionOf(app, session.id);
    const responses = await Promise.all([there.post(rpc('ping')), there.post(rpc('ping'))]);
    assert.deepEqual(
      responses.map(({ status }) => status),
      [500, 500],
    );
    fail = false;
    assert.equal((await there.call('one', {})).result?.content?.[0]?.text, '1');
  });
});

function initializeAs(app: TestApp, token: string): Promise<Response> {
  return app.request('POST', { headers: { ...JSON_HEADERS, ...bearer(token) }, body: initializeRequest() });
}
