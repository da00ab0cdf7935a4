/** What lives in memory: built from a record when it is needed, dropped when it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { createNotifier } from '../../src/context/notifier.ts';
import { createRequestStates } from '../../src/context/request-state.ts';
import { createServerBuilder } from '../../src/endpoint/create-server.ts';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { createMemoryRelay } from '../../src/memory/memory-relay.ts';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import { readMcpHeaders } from '../../src/protocol/headers.ts';
import { describeIncoming } from '../../src/protocol/incoming.ts';
import { readAccept } from '../../src/protocol/accept.ts';
import { createCallsInFlight } from '../../src/lib/calls-in-flight.ts';
import { ANONYMOUS } from '../../src/auth/caller.ts';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import { Sessions } from '../../src/sessions/sessions.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { createLossLog } from '../../src/telemetry/loss-log.ts';
import { createReport } from '../../src/telemetry/request-report.ts';
import {
  gate,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  openSession,
  readStream,
  rpc,
  sessionOf,
  URL_OF_APP,
} from '../support/app.ts';
import type { Tool } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const MINUTE_MS = 60_000;
/** Enough servers for any test, each for a minute after its last use. */
const MINUTE = { MCP_MAX_LIVE_SESSIONS: '1000', MCP_LIVE_IDLE_SECONDS: '60' };

describe('a session in memory', () => {
  test('stays as long as the session if MCP_LIVE_IDLE_SECONDS is not set', async () => {
    const { app, clock, servers, store } = sessionApp({ one: () => 1 }, { MCP_MAX_LIVE_SESSIONS: '1' });
    const session = await openSession(app);
    for (let use = 0; use < 3; use += 1) {
      await pass(clock, 29 * MINUTE_MS, 15_000);
      assert.equal((await session.call('one', {})).result?.content?.[0]?.text, '1');
    }
    assert.deepEqual([servers.created, servers.open], [1, 1]);
    await pass(clock, 31 * MINUTE_MS, 15_000);
    assert.deepEqual([servers.open, await store.count()], [0, 0]);
  });

  test('does not outlive its session, however long MCP_LIVE_IDLE_SECONDS is', async () => {
    const env = { MCP_MAX_LIVE_SESSIONS: '1', MCP_SESSION_IDLE_SECONDS: '60', MCP_LIVE_IDLE_SECONDS: '600' };
    const { app, clock, servers } = sessionApp({}, env);
    await openSession(app);
    await pass(clock, 1.5 * MINUTE_MS);
    assert.equal(servers.open, 0);
  });

  test('is dropped MCP_LIVE_IDLE_SECONDS after its last use, and restored from its record', async () => {
    const { app, clock, servers, store } = sessionApp({ one: () => 1 }, MINUTE);
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
    const { app, clock, servers } = sessionApp({ wait: () => waiting.opened }, MINUTE);
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

  test('is dropped early when more than maxLive are unused, the least recently used first', async () => {
    const { sessions, servers, store, send, open } = limitedTo(3);
    const ids = [await open(), await open(), await open()];
    await send('GET', undefined, ids[0]);
    await send('POST', rpc('ping'), ids[1]);
    ids.push(await open(), await open());
    assert.equal(sessions.live, 4);
    const { created } = servers;
    for (const id of [ids[0], ids[1], ids[3], ids[4]]) await send('POST', rpc('ping'), id);
    assert.equal(servers.created, created, 'one has a stream, one was used later, two are new');
    assert.equal(await store.count(), 5);
    await send('POST', rpc('ping'), ids[2]);
    assert.equal(servers.created, created + 1);
    await sessions.close();
    assert.equal(servers.open, 0);
  });

  test('has its place along with any number of others with open streams', async () => {
    const { sessions, servers, send, open } = limitedTo(3);
    for (let i = 0; i < 10; i += 1) await send('GET', undefined, await open());
    const ids = [await open(), await open(), await open()];
    const { created } = servers;
    for (const id of [...ids, ...ids]) await send('POST', rpc('ping'), id);
    assert.equal(servers.created, created, 'none was dropped and built anew');
    for (let i = 0; i < 10; i += 1) await open();
    assert.equal(sessions.live, 13);
    await sessions.close();
  });

  test('counts as unused when the call ends whose client had gone', async () => {
    const waiting = gate();
    const { app, clock, servers } = sessionApp({ wait: () => waiting.opened }, MINUTE);
    const session = await openSession(app);
    const call = readStream(await session.post(rpc('tools/call', { name: 'wait', arguments: {} })));
    await call.cancel();
    await pass(clock, 2 * MINUTE_MS);
    waiting.open();
    await settled();
    await pass(clock, MINUTE_MS - 15_000);
    assert.equal(servers.open, 1, 'not a minute since the call ended');
    await pass(clock, 30_000);
    assert.equal(servers.open, 0);
  });

  test('is dropped when its server closes itself and nobody is listening', async () => {
    const waiting = gate();
    const { sessions, clock, open, request } = limitedTo(3, {
      quit: ({ server }) => waiting.opened.then(() => server.close()),
    });
    const id = await open();
    await (await request('POST', rpc('tools/call', { name: 'quit', arguments: {} }), id)).body?.cancel();
    waiting.open();
    await settled();
    await pass(clock, 2 * MINUTE_MS);
    assert.equal(sessions.live, 0);
    await sessions.close();
  });

  test('is checked once in a tick, however busy it is', async () => {
    const { store, clock } = sessionApp();
    let ticking = false;
    let looks = 0;
    const busy: SessionStore = {
      ...store,
      touch: async (id) => {
        if (ticking && looks < 20) {
          looks += 1;
          await (await sessionOf(app, id).post(rpc('ping'))).text();
          await settled();
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

  test('is not looked at again while a slow store has not answered', async () => {
    const { store, clock } = sessionApp();
    let looks = 0;
    let hangs = false;
    const slow: SessionStore = {
      ...store,
      touch: (id) => {
        if (!hangs) return store.touch(id);
        looks += 1;
        return new Promise(() => {});
      },
    };
    const { app } = sessionApp({}, {}, { sessionStore: slow, clock });
    await (await openSession(app)).get();
    hangs = true;
    await pass(clock, 5 * MINUTE_MS);
    assert.equal(looks, 1);
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

/** Sessions of which no more than `maxLive` stay in memory without need. */
function limitedTo(maxLive: number, tools: Record<string, Tool> = {}) {
  const { clock, store, eventLog, servers } = sessionApp(tools);
  const stateStore = createMemoryStateStore({ clock });
  const sessions = new Sessions({
    buildServer: createServerBuilder(servers.createServer, {
      notify: createNotifier(),
      state: { store: stateStore, hasSession: async () => true },
      bindRequestState: createRequestStates(),
    }),
    stateStore,
    store,
    eventLog,
    changes: createMemoryChangeLog(),
    relay: createMemoryRelay(),
    callsInFlight: createCallsInFlight(),
    clock,
    idleMs: 30 * MINUTE_MS,
    maxSessions: 1000,
    maxSessionsPerPrincipal: 1000,
    maxLive,
    liveIdleMs: MINUTE_MS,
    losses: createLossLog({ warn: () => {} }),
    keepAliveMs: 0,
    callTimeoutMs: 0,
    streamAfterMs: 0,
    lifecycle: { phase: 'serving' },
    log: createLogger({ level: 'silent', write: () => {} }),
  });
  const request = async (method: string, body: unknown, id?: string): Promise<Response> => {
    const headers = { ...JSON_HEADERS, 'mcp-protocol-version': LATEST_LEGACY, ...(id && { 'mcp-session-id': id }) };
    const message = new Request(URL_OF_APP, { method, headers });
    const report = createReport({ id: '', httpMethod: method, path: '/mcp', startedAt: clock.now() });
    const received = { request: message, headers: readMcpHeaders(message), caller: ANONYMOUS, report };
    if (method === 'GET') return sessions.get(received);
    const incoming = describeIncoming(body as JSONRPCMessage);
    return sessions.post({ ...received, incoming, accepted: readAccept(headers.accept) });
  };
  const send = async (method: string, body: unknown, id?: string): Promise<string> => {
    const response = await request(method, body, id);
    if (method === 'POST') await response.text();
    await settled();
    return response.headers.get('mcp-session-id') ?? '';
  };
  return { sessions, clock, servers, store, request, send, open: () => send('POST', initializeRequest()) };
}
