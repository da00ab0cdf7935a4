import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Principal } from '../../src/auth/caller.ts';
import {
  answerOf,
  gate,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  modernRequest,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type LegacySession,
} from '../support/app.ts';
import { bearer, sessionApp, type SessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const IDLE_MS = 1800 * 1000;
const CALL = rpc('ping');

/** What a client can ask of a session. */
const WAYS: Record<string, (session: LegacySession) => Promise<Response>> = {
  'POST of a call': (session) => session.post(CALL),
  'POST of a notification': (session) => session.post({ jsonrpc: '2.0', method: 'notifications/initialized' }),
  GET: (session) => session.get(),
  'GET with Last-Event-ID': (session) => session.get('1.abc.def'),
  DELETE: (session) => session.delete(),
};

describe('a request without a session id', () => {
  for (const [method, body] of [
    ['POST', CALL],
    ['GET', undefined],
    ['DELETE', undefined],
  ] as const) {
    test(`answers 400 with -32600 to ${method}`, async () => {
      const response = await sessionApp().app.request(method, { headers: JSON_HEADERS, body });
      assert.equal(response.status, 400);
      const { id, error } = await answerOf(response);
      assert.equal(error?.code, -32600);
      assert.equal(id, body?.id ?? null);
    });
  }
});

describe('a session that does not exist, or is not the caller’s', () => {
  const cases: Record<string, (context: SessionApp) => Promise<LegacySession>> = {
    unknown: async ({ app }) => sessionOf(app, '0'.repeat(32)),
    expired: async ({ app, clock }) => {
      const session = await openSession(app);
      await pass(clock, IDLE_MS);
      return session;
    },
    ended: async ({ app }) => {
      const session = await openSession(app);
      await session.delete();
      return session;
    },
    'another principal’s': async ({ app }) =>
      sessionOf(app, (await openSession(app, bearer('alice.1'))).id, bearer('bob.1')),
    'a principal’s, asked for without a token': async ({ app }) =>
      sessionOf(app, (await openSession(app, bearer('alice.1'))).id),
    'nobody’s, asked for with a token': async ({ app }) =>
      sessionOf(app, (await openSession(app)).id, bearer('alice.1')),
  };
  for (const [which, arrange] of Object.entries(cases)) {
    for (const [way, ask] of Object.entries(WAYS)) {
      test(`answers 404 with -32001 to ${way}: ${which}`, async () => {
        const response = await ask(await arrange(sessionApp()));
        assert.equal(response.status, 404);
        const { id, error } = await answerOf(response);
        assert.equal(error?.code, -32001);
        assert.equal(id, way === 'POST of a call' ? CALL.id : null);
      });
    }
  }
});

describe('initialize', () => {
  test('starts a new session when it names a stale one', async () => {
    const { app } = sessionApp();
    const stale = await openSession(app);
    await stale.delete();
    const response = await stale.post(initializeRequest());
    assert.equal(response.status, 200);
    const id = response.headers.get('mcp-session-id') ?? '';
    assert.notEqual(id, stale.id);
    assert.equal((await sessionOf(app, id).post(CALL)).status, 200);
  });

  for (const [what, params] of Object.entries({
    'without parameters': undefined,
    'without protocolVersion': { capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    'without capabilities': { protocolVersion: LATEST_LEGACY, clientInfo: { name: 'test', version: '1' } },
    'without clientInfo': { protocolVersion: LATEST_LEGACY, capabilities: {} },
  })) {
    test(`answers 400 with -32602 ${what}, and creates no session`, async () => {
      const { app, store } = sessionApp();
      const body = { jsonrpc: '2.0', id: 'mine', method: 'initialize', params };
      const response = await app.request('POST', { headers: JSON_HEADERS, body });
      assert.equal(response.status, 400);
      const { id, error } = await answerOf(response);
      assert.equal(error?.code, -32602);
      assert.equal(id, 'mine');
      assert.equal(await store.count(), 0);
    });
  }

  test('makes ids of at least 128 random bits in visible ASCII', async () => {
    const { app } = sessionApp();
    const ids: string[] = [];
    for (let i = 0; i < 500; i += 1) {
      const response = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
      ids.push(response.headers.get('mcp-session-id') ?? '');
      await response.text();
    }
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[\x21-\x7e]+$/);
    const places = Array.from({ length: ids[0]?.length ?? 0 }, (_, place) => new Set(ids.map((id) => id[place])));
    const bits = places.reduce((sum, characters) => sum + Math.log2(characters.size), 0);
    assert.ok(bits >= 128, `${bits} bits`);
  });
});

describe('what creates no session and no server of one', () => {
  for (const [what, options, status] of [
    ['a call without a session', { body: CALL }, 400],
    ['a call to an unknown session', { headers: { 'mcp-session-id': 'x' }, body: CALL }, 404],
    ['what is not JSON', { body: '{' }, 400],
    [
      'initialize from a refused origin',
      { headers: { origin: 'https://evil.example' }, body: initializeRequest() },
      403,
    ],
    ['initialize that accepts no answer', { headers: { accept: 'text/html' }, body: initializeRequest() }, 406],
    ['initialize as text', { headers: { 'content-type': 'text/plain' }, body: initializeRequest() }, 415],
    [
      'initialize beyond 16,384 characters',
      { body: initializeRequest({ experimental: { x: { y: 'x'.repeat(40_000) } } }) },
      413,
    ],
    ['initialize without an id', { body: { ...initializeRequest(), id: undefined } }, 400],
    ['initialize within a batch', { body: [initializeRequest()] }, 400],
    ['server/discover', modernRequest('server/discover'), 200],
    ['a modern call', modernRequest('tools/list'), 200],
  ] as const) {
    test(`answers ${status} to ${what}`, async () => {
      const { app, store, servers } = sessionApp({ anything: () => {} });
      const headers = { ...JSON_HEADERS, ...('headers' in options && options.headers) };
      const response = await app.request('POST', { headers, body: options.body });
      await response.text();
      assert.equal(response.status, status);
      assert.equal(response.headers.get('mcp-session-id'), null);
      assert.equal(await store.count(), 0);
      assert.equal(servers.open, 0);
    });
  }

  test('ends the session of an initialize whose server cannot be built, with 500', async () => {
    const failing = () => Promise.reject(new Error('secret detail'));
    const { app, store } = sessionApp({}, {}, { createServer: failing });
    const response = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /secret/);
    assert.equal(await store.count(), 0);
  });
});

describe('DELETE', () => {
  test('answers 204 and ends the record, the server, the calls, the streams and the events', async () => {
    const waiting = gate();
    let aborted = false;
    const { app, store, servers, eventLog } = sessionApp({
      wait: async ({ context }) => {
        context.mcpReq.signal.addEventListener('abort', () => (aborted = true));
        await waiting.opened;
      },
    });
    const session = await openSession(app);
    const getStream = readStream(await session.get());
    const call = readStream(await session.post(rpc('tools/call', { name: 'wait', arguments: {} })));
    const eventIds = [(await getStream.next()).id ?? '', (await call.next()).id ?? ''];
    await settled();

    const response = await session.delete();
    assert.equal(response.status, 204);
    assert.equal(await response.text(), '');
    await Promise.all([getStream.ended(), call.ended()]);
    assert.equal(aborted, true);
    assert.equal(servers.open, 0);
    assert.equal(await store.get(session.id), undefined);
    for (const id of eventIds) assert.equal(await eventLog.after(session.id, id), undefined);
    assert.equal(await app.drain(), 0, 'nothing is left to wait for');
    waiting.open();
  });

  test('ends what another node has of the session within seconds', async () => {
    const { app, another, clock, servers } = sessionApp();
    const session = await openSession(app);
    const stream = readStream(await session.get());
    assert.equal((await sessionOf(another(), session.id).delete()).status, 204);
    await pass(clock, 15_000);
    await stream.ended();
    assert.equal(servers.open, 0);
  });

  test('leaves other sessions alone', async () => {
    const { app } = sessionApp();
    const [one, other] = [await openSession(app), await openSession(app)];
    const stream = readStream(await other.get());
    await one.delete();
    assert.equal((await other.post(CALL)).status, 200);
    assert.notEqual((await stream.next()).id, undefined);
  });

  test('leaves no event behind that was on its way', async () => {
    const { app, heldEvents } = sessionApp({
      burst: ({ context: { mcpReq } }) => {
        for (let i = 0; i < 50; i += 1) void mcpReq.log('info', `${i}`).catch(() => {});
        return new Promise(() => {});
      },
    });
    const session = await openSession(app);
    const call = readStream(await session.post(rpc('tools/call', { name: 'burst', arguments: {} })));
    await call.next();
    assert.ok((await heldEvents()) > 0);
    assert.equal((await session.delete()).status, 204);
    await settled();
    assert.equal(await heldEvents(), 0);
  });

  for (const [way, ask] of Object.entries(WAYS)) {
    if (way === 'DELETE') continue;
    test(`leaves nothing alive of a ${way} that is being served, which is answered as before or after`, async () => {
      const { app, servers, clock } = sessionApp();
      const statuses = way === 'GET with Last-Event-ID' ? [400, 404] : [200, 202, 404];
      // At every point where one of the two waits.
      for (let turns = 0; turns < 80; turns += 1) {
        const session = await openSession(app);
        const asked = ask(session);
        for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        const [response, deleted] = await Promise.all([asked, session.delete()]);
        assert.equal(deleted.status, 204);
        assert.ok(statuses.includes(response.status), `${response.status} after ${turns} turns`);
        if (response.body) await readStream(response).ended();
      }
      await pass(clock, 2 * 60_000);
      assert.equal(servers.open, 0);
      assert.equal(await app.drain(), 0, 'no call is left to wait for');
    });
  }
});

describe('two principals', () => {
  test('cannot use, read or end each other’s session', async () => {
    const { app } = sessionApp({ whoami: ({ context }) => context.http?.authInfo?.token });
    const [alice, bob] = [await openSession(app, bearer('alice.1')), await openSession(app, bearer('bob.1'))];
    const swapped = [sessionOf(app, alice.id, bearer('bob.1')), sessionOf(app, bob.id, bearer('alice.1'))];
    for (const session of swapped) {
      for (const ask of Object.values(WAYS)) assert.equal((await ask(session)).status, 404);
    }
    assert.equal((await alice.call('whoami', {})).result?.content?.[0]?.text, '"alice.1"');
    assert.equal((await bob.call('whoami', {})).result?.content?.[0]?.text, '"bob.1"');
  });

  test('keep their session when their token is refreshed, which tools see', async () => {
    const { app, servers } = sessionApp({ whoami: ({ context }) => context.http?.authInfo?.token });
    const session = await openSession(app, bearer('alice.1'));
    const refreshed = sessionOf(app, session.id, bearer('alice.2'));
    assert.equal((await refreshed.call('whoami', {})).result?.content?.[0]?.text, '"alice.2"');
    assert.equal(servers.created, 1);
    assert.equal((await refreshed.delete()).status, 204);
  });

  test('are two when issuer, subject or client differ: answers 404 with -32001', async () => {
    const owner = { issuer: 'https://a.example', subject: 'alice', client: 'editor' };
    const authenticate = async ({ headers }: Request) => ({
      principal: JSON.parse(headers.get('x-principal') ?? '') as Principal,
    });
    const { app } = sessionApp({}, {}, { authenticate });
    const as = (principal: Principal) => ({ 'x-principal': JSON.stringify(principal) });
    const { id } = await openSession(app, as(owner));
    const others = [{ issuer: 'https://b.example' }, { subject: 'bob' }, { client: 'browser' }, { client: '' }];
    for (const other of [...others, { subject: 'alice","editor', client: '' }]) {
      const response = await sessionOf(app, id, as({ ...owner, ...other })).post(CALL);
      assert.deepEqual([response.status, (await answerOf(response)).error?.code], [404, -32001]);
    }
    assert.equal((await sessionOf(app, id, as({ ...owner })).post(CALL)).status, 200);
  });
});
