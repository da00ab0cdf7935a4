/**
 * What one proxy is enough for, with the configurations in `docs/behind-a-proxy.md`: paths, idle connections and a stop
 * behind nginx, repeated headers behind HAProxy, several instances behind both. Not part of `npm test`, either.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { getConnInfo } from '@hono/node-server/conninfo';
import { initializeRequest, JSON_HEADERS, LATEST_LEGACY, modernRequest, openSession, rpc } from '../support/app.ts';
import { startListening } from '../support/listening.ts';
import { startHttpEntry, type HttpProcess } from '../support/process.ts';
import { remoteApp } from '../support/remote.ts';
import { titles, type ProxyKind } from './configs.ts';
import { send } from '../support/plain-request.ts';
import { startProxy } from './proxy.ts';

const PASSED_ON = 'A path that is passed on: these in place of "location /"';
const STRIPPED = 'A path that is stripped: these in place of "location /"';
const NGINX_INSTANCES = 'Several instances: this in place of "upstream mcp"';
const HAPROXY_INSTANCES = 'Several instances: this in place of "backend mcp"';

const GATED = 'test/fixtures/http-server.ts';
const ECHO = { name: 'echo', arguments: { text: 'Hello World' } };
const TOKEN = '0123456789abcdef0123456789abcdef';
const BEARER = { authorization: `Bearer ${TOKEN}` };
/** How many clients call one after another, and how often on average before something happens. */
const LOOPS = 4;
const CALLS_PER_LOOP = 5;

for (const variant of [PASSED_ON, STRIPPED]) {
  test(`serves endpoint, health and metadata below a path: ${variant}`, async (t) => {
    const { port: upstream } = await startListening(t, {
      MCP_PUBLIC_URL: 'https://mcp.example.com/apps/slugs/mcp',
      MCP_OAUTH_ISSUER: 'https://issuer.example.com',
      MCP_AUTH_TOKENS: `test:${TOKEN}`,
    });
    const { port } = await startProxy(t, 'nginx', { upstreams: [upstream], variants: [variant] });
    const host = { host: 'mcp.example.com' };
    const { headers, body } = modernRequest('tools/call', ECHO, { headers: { ...host, ...BEARER } });
    for (const path of ['/apps/slugs/mcp', '/apps/slugs/mcp/']) {
      assert.equal((await send(port, { method: 'POST', path, headers, body })).status, 200, path);
    }
    for (const path of ['/apps/slugs/livez', '/apps/slugs/readyz']) {
      assert.equal((await send(port, { path })).status, 200, path);
    }

    const refused = await send(port, {
      method: 'POST',
      path: '/apps/slugs/mcp',
      headers: { ...headers, authorization: '' },
    });
    assert.equal(refused.status, 401);
    const [, url = ''] = /resource_metadata="([^"]+)"/.exec(String(refused.headers['www-authenticate'])) ?? [];
    const { origin, pathname } = new URL(url);
    assert.equal(origin, 'https://mcp.example.com');
    const metadata = await send(port, { path: pathname, headers: host });
    assert.equal(JSON.parse(metadata.body).resource, 'https://mcp.example.com/apps/slugs/mcp');
  });
}

test('gets no 502 from nginx, which reuses connections and closes them before the server does', async (t) => {
  const connections = new Set<unknown>();
  // Addresses are looked up only where callers are counted.
  const env = { MCP_AUTH_TOKENS: `test:${TOKEN}` };
  const upstream = await startListening(t, env, {
    idleConnectionMs: 2000,
    connInfo: (c) => {
      const info = getConnInfo(c);
      connections.add(info.remote.port);
      return info;
    },
  });
  const proxy = await startProxy(t, 'nginx', { upstreams: [upstream.port], timeout: '1s' });
  const { request } = remoteApp(proxy.url);
  const statuses: number[] = [];
  // Pauses around nginx's second, so that many calls meet the closing of a connection, on either side.
  const lanes = Array.from({ length: 20 }, async (_, lane) => {
    for (let call = 0; call < 5; call += 1) {
      const response = await request('POST', modernRequest('tools/call', ECHO, { headers: BEARER }));
      await response.text();
      statuses.push(response.status);
      await delay(call % 2 === 0 ? 10 : 950 + lane * 5);
    }
  });
  await Promise.all(lanes);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.ok(connections.size < statuses.length, `${connections.size} connections for ${statuses.length} calls`);
});

/** Clients that call one after another until they are told to stop. */
function callInLoops(calls: readonly (() => Promise<Response>)[]) {
  const statuses: number[] = [];
  const over = new AbortController();
  const loops = calls.map(async (call) => {
    while (!over.signal.aborted) {
      const response = await call();
      await response.text();
      statuses.push(response.status);
    }
  });
  return {
    statuses,
    /** Waits until some more calls have been answered. */
    async more() {
      const enough = statuses.length + calls.length * CALLS_PER_LOOP;
      while (statuses.length < enough) await delay(10);
    },
    async end() {
      over.abort();
      await Promise.all(loops);
    },
  };
}

test('answers calls through nginx with 200, and what is new with 503, while the server drains', async (t) => {
  const server = await startHttpEntry(t, { entry: GATED });
  const proxy = await startProxy(t, 'nginx', { upstreams: [portOf(server)] });
  const app = remoteApp(proxy.url);
  const running = app.request('POST', modernRequest('tools/call', { name: 'count', arguments: { to: 1 } }));
  await server.stderrMatch(/paused/);
  const opened = await Promise.all(Array.from({ length: LOOPS }, () => openSession(app)));
  const sessions = callInLoops(opened.map((session) => () => session.post(rpc('tools/call', ECHO))));
  const modern = callInLoops(opened.map(() => () => app.request('POST', modernRequest('tools/call', ECHO))));
  await Promise.all([sessions.more(), modern.more()]);

  server.signal('SIGTERM');
  await server.stderrMatch(/stopping/);
  await Promise.all([sessions.more(), modern.more()]);
  await Promise.all([sessions.end(), modern.end()]);
  assert.deepEqual(new Set(sessions.statuses), new Set([200]));
  assert.deepEqual(new Set(modern.statuses), new Set([200, 503]));
  server.writeLine('go on');
  assert.equal((await running).status, 200);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test('nginx goes on with the other instance when one has stopped', async (t) => {
  const stopping = await startHttpEntry(t, { entry: GATED });
  const staying = await startHttpEntry(t, { entry: GATED });
  // In turns, so that every client calls both.
  const edit = (config: string) => config.replace(/ *hash .*\n/, '');
  const upstreams = [stopping, staying].map(portOf);
  const proxy = await startProxy(t, 'nginx', { upstreams, variants: [NGINX_INSTANCES], edit });
  const call = () => remoteApp(proxy.url).request('POST', modernRequest('tools/call', ECHO));
  const clients = callInLoops(Array.from({ length: LOOPS }, () => call));
  await clients.more();
  stopping.signal('SIGTERM');
  assert.deepEqual(await stopping.exit(), { code: 0, signal: null });
  // Calls that met the closing may have failed.
  await clients.more();
  clients.statuses.length = 0;
  await clients.more();
  await clients.end();
  assert.deepEqual(new Set(clients.statuses), new Set([200]));
});

test('HAProxy takes an instance out that drains, so that no call gets worse than 503', async (t) => {
  const stopping = await startHttpEntry(t, { entry: GATED });
  const staying = await startHttpEntry(t, { entry: GATED });
  const edit = (config: string) => config.replaceAll(/\bcheck$/gm, 'check inter 100ms');
  const upstreams = [stopping, staying].map(portOf);
  const proxy = await startProxy(t, 'HAProxy', { upstreams, variants: [HAPROXY_INSTANCES], edit });
  const count = modernRequest('tools/call', { name: 'count', arguments: { to: 1 } });
  const running = remoteApp(stopping.url).request('POST', count);
  await stopping.stderrMatch(/paused/);
  const call = () => remoteApp(proxy.url).request('POST', modernRequest('tools/call', ECHO));
  const clients = callInLoops(Array.from({ length: LOOPS }, () => call));
  await clients.more();

  stopping.signal('SIGTERM');
  await stopping.stderrMatch(/stopping/);
  const refused = () => clients.statuses.filter((status) => status === 503).length;
  for (let before = -1; before !== refused();) {
    before = refused();
    await clients.more();
  }
  stopping.writeLine('go on');
  assert.equal((await running).status, 200);
  assert.deepEqual(await stopping.exit(), { code: 0, signal: null });
  await clients.more();
  await clients.end();
  assert.deepEqual(
    clients.statuses.filter((status) => status !== 200 && status !== 503),
    [],
  );
});

test('counts a header once that HAProxy repeats with the same value', async (t) => {
  const { port: upstream } = await startListening(t, { MCP_AUTH_TOKENS: `test:${TOKEN}` });
  const repeated = [
    'Authorization',
    'MCP-Protocol-Version',
    'Mcp-Method',
    'Mcp-Name',
    'Mcp-Session-Id',
    'Content-Type',
  ];
  const lines = repeated.map(
    (name) => `    http-request add-header ${name} %[req.hdr(${name})] if { req.hdr(${name}) -m found }\n`,
  );
  const edit = (config: string) => config.replace('    default_backend', (line) => lines.join('') + line);
  const proxy = await startProxy(t, 'HAProxy', { upstreams: [upstream], edit });
  const app = remoteApp(proxy.url);
  assert.equal((await app.request('POST', modernRequest('tools/call', ECHO, { headers: BEARER }))).status, 200);
  const { result } = await (await openSession(app, BEARER)).call(ECHO.name, ECHO.arguments);
  assert.deepEqual(result?.structuredContent, { echo: 'Hello World' });
});

const INSTANCES = { nginx: NGINX_INSTANCES, HAProxy: HAPROXY_INSTANCES } as const;
for (const kind of ['nginx', 'HAProxy'] as const) {
  test(`sends each session to its own instance through ${kind}`, async (t) => {
    const { port, instances } = await startInstances(t, kind, INSTANCES[kind]);
    // So many that nginx sends some of their addresses to either instance.
    const clients = Array.from({ length: 20 }, async (_, index) => {
      const from = `127.0.0.${index + 2}`;
      const post = (headers: Record<string, string>, body: unknown) =>
        send(port, { method: 'POST', path: '/mcp', from, headers: { ...JSON_HEADERS, ...headers }, body });
      const opened = await post({}, initializeRequest());
      const session = {
        'mcp-session-id': String(opened.headers['mcp-session-id']),
        'mcp-protocol-version': LATEST_LEGACY,
      };
      return [await post(session, rpc('tools/list')), await post(session, rpc('tools/list'))];
    });
    for (const { status } of (await Promise.all(clients)).flat()) assert.equal(status, 200);
    for (const requests of instances) assert.ok(requests.count > 0, 'Every instance serves some');
  });
}

async function startInstances(t: TestContext, kind: ProxyKind, variant: string) {
  const instances = [{ count: 0 }, { count: 0 }];
  const upstreams = [];
  for (const requests of instances) {
    // Health checks do not count.
    const onRequest = ({ method }: Request) => void (requests.count += method === 'POST' ? 1 : 0);
    upstreams.push((await startListening(t, {}, { onRequest })).port);
  }
  const { port } = await startProxy(t, kind, { upstreams, variants: [variant] });
  return { port, instances };
}

test('runs every configuration of the three proxies in the docs', () => {
  const bases = ['/etc/nginx/conf.d/mcp.conf', '/etc/caddy/Caddyfile', '/etc/haproxy/haproxy.cfg'];
  assert.deepEqual(titles.toSorted(), [...bases, PASSED_ON, STRIPPED, ...Object.values(INSTANCES)].toSorted());
});

function portOf({ url }: HttpProcess): number {
  return Number(new URL(url).port);
}
