import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import {
  gate,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  rpc,
  testApp,
  type TestApp,
} from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { logLines, type LogLine } from '../support/log-lines.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { settled } from '../support/time.ts';

const LOGGED = { MCP_LOG_REQUESTS: 'on' };
const TOOLS = { noop: () => null };

/** The lines of requests, without what every line has. */
function requestsIn(app: TestApp): Omit<LogLine, 'level' | 'time' | 'msg'>[] {
  const lines = logLines(app.lines).filter(({ msg }) => msg === 'request');
  return lines.map(({ level: _level, time: _time, msg: _msg, requestId: _id, ...line }) => line);
}

test('logs what a modern call asks for, and who asks, by a hash', async () => {
  const { app } = sessionApp(TOOLS, LOGGED);
  for (const who of ['alice.1', 'alice.2', 'bob'])
    await app.request('POST', modernRequest('tools/call', { name: 'noop' }, { headers: bearer(who) }));
  const [alice, again, bob] = requestsIn(app);
  const { principal, ...line } = alice ?? {};
  assert.match(String(principal), /^[0-9a-f]{12}$/);
  assert.deepEqual(line, {
    method: 'POST',
    path: '/mcp',
    status: 200,
    ms: 0,
    era: 'modern',
    rpc: 'tools/call',
    tool: 'noop',
    client: 'test',
    clientVersion: '1.0.0',
  });
  assert.equal(again?.['principal'], principal);
  assert.notEqual(bob?.['principal'], principal);
  assert.doesNotMatch(app.lines.join('\n'), /alice|bob|issuer/);
});

test('logs the session of all its requests by the same hash, and the program that opened it', async () => {
  const { app } = sessionApp(TOOLS, LOGGED);
  const session = await openSession(app);
  await session.call('noop', {});
  await session.post([rpc('tools/list'), rpc('tools/list')]);
  await (await session.get()).body?.cancel();
  await session.delete();
  await session.get();
  const lines = requestsIn(app);
  const [first] = lines;
  const named = lines.map(({ session: id, client, era, rpc: method, tool, status }) => {
    return [id === first?.['session'], client, era, method, tool, status];
  });
  assert.match(String(first?.['session']), /^[0-9a-f]{12}$/);
  assert.deepEqual(named, [
    [true, 'test', 'legacy', 'initialize', undefined, 200],
    [true, 'test', 'legacy', 'notifications/initialized', undefined, 202],
    [true, 'test', 'legacy', 'tools/call', 'noop', 200],
    [true, 'test', 'legacy', 'batch', undefined, 200],
    [true, 'test', 'legacy', undefined, undefined, 200],
    // Ending it takes no server, which would know the program.
    [true, undefined, 'legacy', undefined, undefined, 204],
    // It is not known any more, so nobody knows whose it was.
    [false, undefined, undefined, undefined, undefined, 404],
  ]);
  assert.ok(!app.lines.join('\n').includes(session.id));
});

test('names the session of whose server the SDK reports something, or the request', async () => {
  const { app } = sessionApp(TOOLS, { LOG_LEVEL: 'debug' });
  const session = await openSession(app);
  await session.post({ jsonrpc: '2.0', id: 'never asked', result: {} });
  await settled();
  const lines = logLines(app.lines);
  const reported = lines.find(({ msg }) => msg === 'reported by the SDK');
  const opened = lines.find(({ msg }) => msg === 'request');
  assert.match(String(reported?.['error']), /^Received a response for an unknown/);
  assert.equal(reported?.['session'], opened?.['session']);
  assert.doesNotMatch(app.lines.join('\n'), /never asked/);
});

test('names sessions and principals alike on all nodes with the same MCP_STATE_KEY, and differently without one', async () => {
  const nameOf = async (env: Record<string, string>) => {
    const { app } = sessionApp(TOOLS, { ...LOGGED, ...env });
    await app.request('POST', modernRequest('tools/list', {}, { headers: bearer('alice') }));
    return requestsIn(app)[0]?.['principal'];
  };
  const key = { MCP_STATE_KEY: 'ab'.repeat(32) };
  assert.equal(await nameOf(key), await nameOf(key));
  assert.notEqual(await nameOf({}), await nameOf({}));
});

for (const [env, level] of [
  [{ MCP_LOG_REQUESTS: 'on' }, 'info'],
  [{ LOG_LEVEL: 'debug' }, 'debug'],
  [{}, undefined],
] as const) {
  test(`with ${JSON.stringify(env)} logs requests at level ${level ?? 'debug, which is off'}, and failures at warn`, async () => {
    const failing = { authenticate: async () => new Response(null, { status: 500 }) };
    const apps = [testApp(env), testApp(env, failing)];
    for (const app of apps) await app.request('POST', modernRequest('tools/list'));
    const levels = apps.flatMap((app) => logLines(app.lines).map((line) => line.level));
    assert.deepEqual(levels, [...(level === undefined ? [] : [level]), 'warn']);
  });
}

test('logs to a logger that does not tell its level', async () => {
  const messages: string[] = [];
  const add = (message: string) => void messages.push(message);
  const app = testApp({}, { log: { debug: add, info: add, warn: add, error: add } });
  await app.request('POST', modernRequest('tools/list'));
  assert.deepEqual(messages, ['request']);
});

test('does not log a path that it does not have, nor more than 100 characters of a name', async () => {
  const app = testApp(LOGGED);
  const known = ['/mcp', '/', '/sse', '/mcp/server-card', '/.well-known/oauth-protected-resource/mcp'];
  const unknown = ['/secret', '/mcp/secret', '/.well-known/secret', '/sse/secret'];
  for (const path of [...known, ...unknown]) await app.request('GET', { path });
  const paths = requestsIn(app).map(({ path }) => path);
  assert.deepEqual(paths.slice(0, 5), [...known.slice(0, 4), '/.well-known/oauth-protected-resource']);
  assert.deepEqual(paths.slice(5), ['other', 'other', 'other', 'other']);

  const long = 'x'.repeat(101);
  const clientInfo = { name: long, version: long };
  const body = { ...initializeRequest(), params: { ...initializeRequest().params, clientInfo } };
  await app.request('POST', { headers: JSON_HEADERS, body });
  await app.request('POST', modernRequest('tools/call', { name: long }));
  await app.request('POST', modernRequest(long));
  const [opened, called, unknownMethod] = requestsIn(app).slice(9);
  const cut = `${'x'.repeat(100)}…`;
  assert.deepEqual([opened?.['client'], opened?.['clientVersion']], [cut, cut]);
  assert.deepEqual([called?.['tool'], unknownMethod?.['rpc']], [cut, cut]);
});

const store = createMemorySessionStore({ idleMs: 60_000, clock: manualClock() });
const TOKEN = 'a-token-that-is-given-out-0123456789';
const opening = { headers: JSON_HEADERS, body: initializeRequest() };

/** For each reason, an app that has refused its last request for it. */
const REFUSALS: Record<string, () => Promise<TestApp>> = {
  host: () => refusing({}, { headers: { host: 'evil.example' } }),
  origin: () => refusing({}, { headers: { origin: 'https://evil.example' } }),
  auth: () => refusing({ MCP_AUTH_TOKENS: `alice:${TOKEN}` }, opening),
  scope: () => refusing({ MCP_AUTH_TOKENS: `alice:${TOKEN}`, MCP_REQUIRED_SCOPES: 'mcp' }, { headers: bearer(TOKEN) }),
  rate_limit: async () => {
    const app = testApp({ ...LOGGED, MCP_AUTH_TOKENS: `alice:${TOKEN}`, MCP_RATE_LIMIT: '1' });
    const headers = { ...JSON_HEADERS, ...bearer(TOKEN) };
    for (let time = 0; time < 2; time += 1) await app.request('POST', { ...opening, headers });
    return app;
  },
  path: () => refusing({}, { path: '/nothing' }),
  protocol: () => refusing({}, { headers: JSON_HEADERS, body: 'not JSON' }),
  body_too_large: () => refusing({ MCP_MAX_BODY_BYTES: '1024' }, { headers: JSON_HEADERS, body: 'x'.repeat(2000) }),
  unknown_session: () =>
    refusing({}, { headers: { ...JSON_HEADERS, 'mcp-session-id': 'unknown' }, body: rpc('tools/list') }),
  sessions: async () => {
    const { app } = sessionApp({ wait: () => new Promise(() => {}) }, { ...LOGGED, MCP_MAX_SESSIONS: '1' });
    const session = await openSession(app);
    await (await session.post(rpc('tools/call', { name: 'wait' }))).body?.getReader().read();
    await app.request('POST', opening);
    return app;
  },
  calls: async () => {
    const { opened, open } = gate();
    const { app } = sessionApp({ wait: () => opened }, { ...LOGGED, MCP_MAX_CALLS_PER_SESSION: '1' });
    const session = await openSession(app);
    const running = session.call('wait', {});
    await settled();
    await session.call('wait', {});
    const refused = app.lines.at(-1) ?? '';
    open();
    await running;
    app.lines.push(refused);
    return app;
  },
  draining: async () => {
    const app = testApp(LOGGED);
    await app.drain();
    await app.request('POST', opening);
    return app;
  },
  unavailable: () => {
    const create = () => Promise.reject(new UnavailableError('The engine is unavailable'));
    return refusing({}, opening, { sessionStore: { ...store, create } });
  },
};

async function refusing(
  env: Record<string, string>,
  request: Parameters<TestApp['request']>[1],
  options?: Parameters<typeof testApp>[1],
): Promise<TestApp> {
  const app = testApp({ ...LOGGED, ...env }, options);
  await app.request('POST', request);
  return app;
}

for (const [reason, refuse] of Object.entries(REFUSALS)) {
  test(`logs that a request was refused because of ${reason}`, async () => {
    const line = requestsIn(await refuse()).at(-1);
    assert.equal(line?.['refusal'], reason);
    assert.ok(Number(line['status']) >= 400);
  });
}

test('takes an unknown method of 2026-07-28, which is answered with 404, for a violation of the protocol', async () => {
  const app = testApp(LOGGED);
  assert.equal((await app.request('POST', modernRequest('unknown/method'))).status, 404);
  assert.equal(requestsIn(app)[0]?.['refusal'], 'protocol');
});
