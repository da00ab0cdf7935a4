import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authenticate } from '../src/auth/bearer.ts';
import {
  answerOf,
  messagesIn,
  gate,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  readStream,
  rpc,
  testApp,
  URL_OF_APP,
  type TestApp,
} from './support/app.ts';
import { manualClock } from './support/clock.ts';
import type { Tool } from './support/fixture.ts';
import { assertRefused } from './support/refusal.ts';
import { bearer, sessionApp } from './support/session-app.ts';
import { settled } from './support/time.ts';
import { linesAt, logLines } from './support/log-lines.ts';

for (const path of ['/livez', '/readyz']) {
  test(`answers 200 at ${path}, whatever the Host and the Origin, and logs nothing`, async () => {
    const app = testApp(
      { LOG_LEVEL: 'debug' },
      { authenticate: () => assert.fail('a health check is not authenticated') },
    );
    for (const headers of [{}, { host: '10.0.0.7:3000' }, { host: '' }, { origin: 'https://evil.example' }]) {
      const response = await app.request('GET', { path, headers });
      assert.deepEqual([response.status, await response.text()], [200, 'ok']);
      assert.equal((await app.request('HEAD', { path, headers })).status, 200);
    }
    assert.deepEqual(app.lines, []);
  });
}

for (const path of ['/mcp/x', '/mcp//', '/MCP', '/sse', '/favicon.ico', '/%2e%2e/etc/passwd']) {
  test(`answers 404 with -32000 at ${path}, and names the endpoint's path`, async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const response = await testApp().request(method, { path });
      assert.equal(await assertRefused(response, { status: 404, code: -32000 }), 'Not found: the MCP endpoint is /mcp');
    }
  });
}

test('serves /mcp/ as /mcp, and a path in MCP_PUBLIC_URL with or without its prefix', async () => {
  const app = testApp({ MCP_PUBLIC_URL: 'http://localhost:3000/apps/slugs/mcp' });
  const body = initializeRequest();
  for (const path of ['/mcp', '/mcp/', '/apps/slugs/mcp', '/apps/slugs/mcp/']) {
    assert.equal((await app.request('POST', { path, headers: JSON_HEADERS, body })).status, 200, path);
  }
  for (const path of ['/livez', '/apps/slugs/livez', '/apps/slugs/readyz']) {
    assert.equal((await app.request('GET', { path })).status, 200, path);
  }
  for (const path of ['/apps/mcp', '/apps/slugsmcp', '/apps/slugs', '/slugs/mcp', '/apps/slugs/apps/slugs/mcp']) {
    assert.equal((await app.request('POST', { path, headers: JSON_HEADERS, body })).status, 404, path);
  }
});

test('checks Host and Origin before the path, and both before authentication', async () => {
  const app = testApp({}, { authenticate: () => assert.fail('a request that is refused before is not authenticated') });
  for (const path of ['/mcp', '/nothing', '/livez', '/.well-known/oauth-protected-resource']) {
    for (const headers of [{ host: 'evil.example' }, { origin: 'https://evil.example' }]) {
      const refused = await app.request('POST', { path, headers });
      await assertRefused(refused, { status: 403, code: -32000 });
    }
  }
  await assertRefused(await app.request('POST', { path: '/nothing' }), { status: 404, code: -32000 });
});

for (const method of ['POST', 'GET', 'DELETE', 'PUT']) {
  test(`authenticates before it looks at a ${method}, and does not read the body of a refused caller`, async () => {
    const challenge = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
    const app = testApp({}, { authenticate: async () => new Response(null, challenge) });
    const body = method === 'POST' ? 'not JSON, nor of that type' : null;
    const request = new Request(URL_OF_APP, { method, body, headers: { host: 'localhost' } });
    const response = await app.fetch(request);
    assert.deepEqual([response.status, response.headers.get('www-authenticate')], [401, 'Bearer']);
    assert.equal(request.bodyUsed, false);
  });
}

const denied = () => new Response(null, { status: 401 });

for (const [what, authenticate] of [
  ['a promise', async () => denied()],
  // oxlint-disable-next-line unicorn/no-thenable -- some libraries have promises of their own
  ['a thenable', () => ({ then: (resolve: (response: Response) => void) => resolve(denied()) })],
] as const) {
  test(`answers 401 if authentication refuses the caller with ${what}`, async () => {
    const app = testApp({}, { authenticate: authenticate as Authenticate });
    assert.equal((await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() })).status, 401);
  });
}

test('tells tools who is calling, in both eras and without sessions', async () => {
  const tools = { whoami: (({ context }) => context.http?.authInfo?.clientId) satisfies Tool };
  const call = rpc('tools/call', { name: 'whoami' });
  const { app } = sessionApp(tools);
  const modern = modernRequest('tools/call', { name: 'whoami' }, { headers: bearer('alice') });
  const stateless = sessionApp(tools, { MCP_SESSIONS: 'stateless' }).app;
  for (const response of [
    await (await openSession(app, bearer('alice'))).post(call),
    await app.request('POST', modern),
    await stateless.request('POST', { headers: { ...JSON_HEADERS, ...bearer('alice') }, body: call }),
  ])
    assert.equal((await answerOf(response)).result?.content?.[0]?.text, '"alice"');
});

test('logs each request with its id, method, path, status, time, and why it was refused', async () => {
  const clock = manualClock();
  const authenticate = async () => {
    clock.advance(7);
    return new Response(null, { status: 401 });
  };
  const app = testApp({ LOG_LEVEL: 'debug' }, { clock, authenticate });
  const answer = await app.request('POST', { headers: bearer('secret'), body: 'secret' });
  const [{ time: _, ...line } = {}, ...more] = logLines(app.lines);
  assert.deepEqual(more, []);
  const requestId = answer.headers.get('x-request-id');
  const request = { requestId, method: 'POST', path: '/mcp', status: 401, ms: 7, refusal: 'auth' };
  assert.deepEqual(line, { level: 'debug', ...request, msg: 'request' });
});

test('does not log requests that are served, at the default level', async () => {
  const app = testApp();
  await openSession(app);
  await app.request('POST', modernRequest('tools/list'));
  assert.deepEqual(app.lines, []);
});

const BUG = new Error('password in /etc/secrets');

for (const [era, env, request] of [
  ['legacy', {}, { headers: JSON_HEADERS, body: initializeRequest() }],
  ['legacy, without sessions,', { MCP_SESSIONS: 'stateless' }, { headers: JSON_HEADERS, body: initializeRequest() }],
  ['modern', {}, modernRequest('tools/list')],
  ['modern listening', {}, modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } })],
] as const) {
  test(`answers 500 with -32603 to a ${era} client whose server cannot be built, and logs why, once`, async () => {
    const app = testApp(env, { createServer: () => Promise.reject(BUG) });
    const response = await app.request('POST', request);
    const text = await response.clone().text();
    const id = era === 'legacy' ? null : request.body.id;
    await assertRefused(response, { status: 500, code: -32603, id });
    assert.doesNotMatch(text, /password|secrets|Error:|\.ts|node:/);
    const why = logLines(app.lines).filter(({ error }) => String(error).includes(BUG.message));
    const requestId = response.headers.get('x-request-id');
    assert.deepEqual(
      why.map((line) => [line.level, line['requestId']]),
      [['error', requestId]],
    );
    const [line] = linesAt('warn', app.lines);
    assert.deepEqual([line?.msg, line?.['status'], line?.['requestId']], ['request', 500, requestId]);
  });
}

for (const method of ['POST', 'GET']) {
  test(`answers 500 with -32603 when the checks of a ${method} fail, and logs why`, async () => {
    const app = testApp();
    const request = new Request(URL_OF_APP, { method });
    // In place of an adapter whose headers cannot be read.
    Object.assign(request.headers, { get: () => assert.fail('no header can be read') });
    await assertRefused(await app.fetch(request), { status: 500, code: -32603 });
    const [line] = linesAt('error', app.lines);
    assert.equal(line?.msg, 'a request failed');
    assert.match(String(line?.['error']), /no header can be read/);
  });
}

for (const [what, thrown] of [
  ['an error', BUG],
  ['anything else', 'a string'],
]) {
  test(`answers 500 with -32603 when authentication throws ${what}, and logs it`, async () => {
    const app = testApp({}, { authenticate: () => Promise.reject(thrown) });
    const response = await app.request('POST', modernRequest('tools/list'));
    assert.equal(await assertRefused(response, { status: 500, code: -32603 }), 'Internal error');
    assert.deepEqual(
      linesAt('error', app.lines).map(({ error }) => error),
      [String(thrown)],
    );
  });
}

/** Starts the call of a tool as one client; everybody's has the same id and the same progress token. */
type Start = (app: TestApp, who: string) => Promise<{ response: Response; notices?: Response }>;
const params = (who: string) => ({ name: 'tell', arguments: { who }, _meta: { progressToken: 1 } });

const CLIENTS: Record<string, Start> = {
  legacy: async (app, who) => {
    const session = await openSession(app);
    return { notices: await session.get(), response: await session.post(rpc('tools/call', params(who), 1)) };
  },
  modern: async (app, who) => ({
    response: await app.request('POST', modernRequest('tools/call', params(who), { id: 1 })),
  }),
  stateless: async (app, who) => ({
    response: await app.request('POST', { headers: JSON_HEADERS, body: rpc('tools/call', params(who), 1) }),
  }),
};

for (const [one, other] of [
  ['legacy', 'legacy'],
  ['modern', 'modern'],
  ['legacy', 'modern'],
  ['stateless', 'stateless'],
  ['stateless', 'modern'],
] as const) {
  test(`a ${one} and a ${other} client that use the same ids at once do not see each other's messages`, async () => {
    const { opened, open } = gate();
    let inside = 0;
    const bothInside = gate();
    const tell: Tool = async ({ args, context: { mcpReq }, server }) => {
      const report = (progress: number) =>
        mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken: 1, progress, message: String(args['who']) },
        });
      await report(1);
      if (server.server.transport?.sessionId) await server.sendLoggingMessage({ level: 'info', data: args['who'] });
      if (++inside === 2) bothInside.open();
      await opened;
      await report(2);
      return args['who'];
    };
    const env = one === 'stateless' ? { MCP_SESSIONS: 'stateless' } : {};
    const { app } = sessionApp({ tell }, env);
    const starts = [
      [CLIENTS[one], 'alice'],
      [CLIENTS[other], 'bob'],
    ] as const;
    const started = Promise.all(starts.map(async ([start, who]) => ({ who, ...(await start?.(app, who)) })));
    await bothInside.opened;
    open();
    for (const { who, response, notices } of await started) {
      const messages = messagesIn((await response?.text()) ?? '');
      assert.deepEqual(
        messages.map((message) => message['method'] ?? message['id']),
        ['notifications/progress', 'notifications/progress', 1],
      );
      if (notices) {
        const stream = readStream(notices);
        await settled();
        await stream.next();
        messages.push((await stream.next()).message ?? {});
        await stream.cancel();
        assert.equal(messages.at(-1)?.['method'], 'notifications/message');
      }
      for (const message of messages) {
        const told = JSON.stringify(message);
        assert.ok(told.includes(who) && !told.includes(who === 'alice' ? 'bob' : 'alice'), told);
      }
    }
    assert.equal(await app.drain(), 0);
  });
}

test('waits for calls while it stops: 503 to what is new, 200 in sessions, then 503 to everything', async () => {
  const { opened, open } = gate();
  const { app, clock, servers } = sessionApp({ wait: () => opened, noop: () => null });
  const session = await openSession(app);
  const stream = readStream(await session.get());
  const waiting = [session.call('wait', {}), app.request('POST', modernRequest('tools/call', { name: 'wait' }))];
  await settled();
  const drained = app.drain();

  const modern = modernRequest('tools/list', {}, { id: 'mine' });
  const opening = { headers: JSON_HEADERS, body: { ...initializeRequest(), id: 'mine' } };
  const stopping = { status: 503, code: -32000, headers: { 'retry-after': '5' } };
  for (const request of [modern, opening])
    await assertRefused(await app.request('POST', request), { ...stopping, id: 'mine' });
  assert.equal((await app.request('GET', { path: '/readyz' })).status, 503);
  assert.equal((await app.request('GET', { path: '/livez' })).status, 200);
  assert.equal((await session.call('noop', {})).result?.isError, undefined);

  open();
  await Promise.all(waiting);
  assert.equal(await drained, 0);
  await stream.ended();
  for (const method of ['POST', 'GET', 'DELETE'])
    await assertRefused(await app.request(method, { headers: session.headers }), stopping);
  assert.deepEqual([servers.open, clock.pending], [0, 0]);
});

test('cuts off the calls that still run after MCP_DRAIN_SECONDS, and says how many', async () => {
  const { app, clock, servers } = sessionApp({ wait: () => new Promise(() => {}) }, { MCP_DRAIN_SECONDS: '3' });
  const session = await openSession(app);
  const stream = readStream(await session.post(rpc('tools/call', { name: 'wait' })));
  const modern = app.request('POST', modernRequest('tools/call', { name: 'wait' }));
  await settled();
  const drained = app.drain();
  clock.advance(2999);
  await settled();
  assert.equal(servers.open, 2);
  clock.advance(1);
  assert.equal(await drained, 2);
  await Promise.all([stream.ended(), modern]);
  assert.deepEqual([servers.open, clock.pending], [0, 0]);
});
