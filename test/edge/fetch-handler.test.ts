import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../src/config/config.ts';
import { createFetchHandler, type FetchHandler, type FetchHandlerOptions } from '../../src/edge/fetch-handler.ts';
import { platformNamed, type PlatformName, type Settings } from '../../src/edge/platform.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import type { Logger } from '../../src/telemetry/log.ts';
import { initializeRequest, JSON_HEADERS, modernRequest } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { assertRefused } from '../support/refusal.ts';
import { createTestServer } from '../support/test-server.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const SAFE = { MCP_AUTH_TOKENS: `ci:${TOKEN}` };
const OPEN = { MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' };
const BEARER = { authorization: `Bearer ${TOKEN}` };
const ECHO = { name: 'echo', arguments: { text: 'hello' } };

interface Setup {
  handler: FetchHandler;
  /** What was logged, as `level message name`. */
  lines: string[];
}

function setUp(name: PlatformName, env: Settings | undefined, app: FetchHandlerOptions['app'] = {}): Setup {
  const lines: string[] = [];
  const write =
    (level: string): Logger['info'] =>
    (message, fields = {}) =>
      void lines.push([level, message, ...Object.values(fields)].join(' '));
  const log: Logger = { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') };
  const handler = createFetchHandler((context) => createTestServer(context), {
    platform: platformNamed(name, env),
    app: { log, ...app },
  });
  return { handler, lines };
}

interface CallOptions {
  host?: string;
  headers?: Record<string, string>;
  /** What the platform passes as the second argument. */
  context?: unknown;
}

async function call({ handler }: Setup, { host = 'localhost', headers = {}, context }: CallOptions = {}) {
  const { headers: own, body } = modernRequest('tools/call', ECHO);
  const init = { method: 'POST', headers: { ...own, host, ...headers }, body: JSON.stringify(body) };
  return handler.fetch(new Request(`http://${host}/mcp`, init), context);
}

async function initialize({ handler }: Setup, headers: Record<string, string> = {}): Promise<Response> {
  const init = {
    method: 'POST',
    headers: { ...JSON_HEADERS, host: 'localhost', ...headers },
    body: JSON.stringify(initializeRequest()),
  };
  return handler.fetch(new Request('http://localhost/mcp', init));
}

for (const name of ['bun', 'deno', 'node', 'vercel'] as const) {
  test(`refuses to start on ${name} without authorization, since others can reach it`, () => {
    assert.throws(
      () => setUp(name, {}),
      (error) => error instanceof ConfigError && error.message.includes('HOST=0.0.0.0 listens beyond loopback'),
    );
    for (const env of [SAFE, OPEN]) assert.doesNotThrow(() => setUp(name, env));
  });
}

test('starts without authorization on loopback, where the settings say who can connect', () => {
  for (const name of ['bun', 'deno', 'node'] as const) assert.doesNotThrow(() => setUp(name, { HOST: '127.0.0.1' }));
  assert.throws(() => setUp('vercel', { HOST: '127.0.0.1' }), ConfigError);
});

test('tells Bun where to listen, and for how long to keep idle connections', () => {
  const { handler } = setUp('bun', { HOST: '127.0.0.1', PORT: '4000' });
  const { hostname, port, idleTimeout } = handler;
  assert.deepEqual({ hostname, port, idleTimeout }, { hostname: '127.0.0.1', port: 4000, idleTimeout: 130 });
  assert.equal(setUp('bun', { ...SAFE, MCP_IDLE_CONNECTION_SECONDS: '3600' }).handler.idleTimeout, 255);
  assert.equal(setUp('bun', SAFE).handler.hostname, '0.0.0.0');
});

test('stops on Deno if it is meant for this machine but listens beyond loopback', () => {
  const address = (hostname: string) => ({ hostname, port: 8000 });
  const { handler } = setUp('deno', { HOST: '127.0.0.1' });
  handler.onListen?.(address('127.0.0.1'));
  assert.throws(() => handler.onListen?.(address('0.0.0.0')), /start it with --host 127\.0\.0\.1\.$/);
  assert.doesNotThrow(() => setUp('deno', SAFE).handler.onListen?.(address('0.0.0.0')));
  assert.equal(setUp('node', SAFE).handler.onListen, undefined);
});

test('takes the settings of a Worker from its variables, with the first request', async () => {
  const worker = setUp('workers', undefined);
  const context = { ...SAFE, BUCKET: { get: () => 'not a text' } };
  assert.equal((await call(worker, { context })).status, 401);
  const answer = await call(worker, { context, headers: BEARER });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /"echo":"hello"/);
});

test('answers 500 to every request of a Worker with a wrong setting, and logs once what is wrong', async () => {
  const worker = setUp('workers', undefined);
  const context = { ...SAFE, LOG_LEVEL: 'loud', MCP_SESSIONS: 'sticky' };
  for (let index = 0; index < 2; index += 1) {
    const message = await assertRefused(await call(worker, { context }), { status: 500, code: -32603 });
    assert.equal(message, 'Internal error');
  }
  assert.equal(worker.lines.length, 2);
  assert.match(worker.lines[0] ?? '', /^error a setting is wrong LOG_LEVEL=loud is not valid: it must be one of /);
  assert.match(worker.lines[1] ?? '', /^error a setting is wrong MCP_SESSIONS=sticky is not valid/);
});

test('refuses unsafe settings of a Worker, which others can always reach', async () => {
  for (const context of [{}, undefined, { HOST: '127.0.0.1' }]) {
    assert.equal((await call(setUp('workers', undefined), { context })).status, 500);
  }
  assert.equal((await call(setUp('workers', undefined), { context: OPEN })).status, 200);
});

test('allows the host names that Vercel has given to the deployment, and no other', async () => {
  const env = {
    ...SAFE,
    MCP_ALLOWED_HOSTS: 'mcp.example.com',
    VERCEL_URL: 'mine-abc.vercel.app',
    VERCEL_BRANCH_URL: 'mine-git-main.vercel.app',
    VERCEL_PROJECT_PRODUCTION_URL: 'mine.vercel.app',
  };
  const statusOf = async (name: PlatformName, host: string) =>
    (await call(setUp(name, env), { host, headers: BEARER })).status;
  const hosts = ['mcp.example.com', 'mine-abc.vercel.app', 'mine-git-main.vercel.app', 'mine.vercel.app'];
  for (const host of hosts) assert.equal(await statusOf('vercel', host), 200, host);
  assert.equal(await statusOf('vercel', 'evil.vercel.app'), 403);
  assert.equal(await statusOf('node', 'mine.vercel.app'), 403);
});

test('has no sessions unless it is told to, or is given engines', async () => {
  const sessionOf = async (name: PlatformName, env: Settings, app: FetchHandlerOptions['app'] = {}) =>
    (await initialize(setUp(name, { ...SAFE, ...env }, app), BEARER)).headers.has('mcp-session-id');
  const sessionStore = createMemorySessionStore({ idleMs: 1000, clock: manualClock() });
  const engines = { sessionStore, clock: manualClock() };
  for (const name of ['bun', 'deno', 'node', 'vercel'] as const) {
    assert.equal(await sessionOf(name, {}), false, name);
    assert.equal(await sessionOf(name, {}, engines), true, name);
    assert.equal(await sessionOf(name, { MCP_SESSIONS: 'stateless' }, engines), false, name);
  }
  const clock = manualClock();
  assert.equal(await sessionOf('bun', { MCP_SESSIONS: 'stateful' }, { clock }), true);
  assert.equal(await sessionOf('deno', { MCP_SESSIONS: 'stateful' }, { clock }), true);
});

test('refuses sessions in memory where the next request may reach another process', () => {
  assert.throws(() => setUp('vercel', { ...SAFE, MCP_SESSIONS: 'stateful' }), /MCP_SESSIONS=stateful needs engines/);
});

test('refuses sessions on Cloudflare Workers, also if engines are there for something else', async () => {
  const sessionStore = createMemorySessionStore({ idleMs: 1000, clock: manualClock() });
  const worker = setUp('workers', undefined, { sessionStore });
  assert.equal((await call(worker, { context: { ...OPEN, MCP_SESSIONS: 'stateful' } })).status, 500);
  assert.match(worker.lines.join('\n'), /MCP_SESSIONS=stateful is impossible on Cloudflare Workers/);
  assert.equal((await call(setUp('workers', undefined, { sessionStore }), { context: OPEN })).status, 200);
});

test('warns of settings that it does not know, or that only the Node.js entry can follow', () => {
  const env = { ...SAFE, MCP_SESION: 'x', REDIS_URL: 'redis://localhost', MCP_DATA_DIR: '/data' };
  const ignored = 'warn has no effect here: pass engines to createFetchHandler instead';
  const unknown = 'warn not a setting of this server MCP_SESION';
  assert.deepEqual(setUp('deno', env).lines, [unknown, `${ignored} REDIS_URL`, `${ignored} MCP_DATA_DIR`]);
  const sessionStore = createMemorySessionStore({ idleMs: 1000, clock: manualClock() });
  assert.deepEqual(setUp('deno', env, { sessionStore, clock: manualClock() }).lines, [unknown]);
});

for (const [name, options] of [
  ['bun', (address: string) => ({ context: { requestIP: () => ({ address }) } })],
  ['deno', (hostname: string) => ({ context: { remoteAddr: { hostname } } })],
  ['vercel', (address: string) => ({ headers: { 'x-real-ip': address } })],
  ['workers', (address: string) => ({ headers: { 'cf-connecting-ip': address } })],
] as const) {
  test(`counts the requests of unauthenticated callers by the address that ${name} tells`, async () => {
    const env = { ...OPEN, MCP_RATE_LIMIT: '1' };
    const setup = setUp(name, name === 'workers' ? undefined : env);
    const statuses = [];
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) {
      const how: CallOptions = options(address);
      statuses.push((await call(setup, { context: env, ...how })).status);
    }
    assert.deepEqual(statuses, [200, 429, 200]);
  });
}
