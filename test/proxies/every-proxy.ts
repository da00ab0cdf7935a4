/**
 * The server behind nginx, Caddy and HAProxy, with the configurations in `docs/behind-a-proxy.md`. These tests need the
 * three proxies, and are therefore not part of `npm test`.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { ServerContext } from '@modelcontextprotocol/server';
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
} from '../support/app.ts';
import { CLIENTS, connectHttp } from '../support/clients.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { startListening, type ListeningOptions } from '../support/listening.ts';
import { remoteApp } from '../support/remote.ts';
import type { ProxyKind, ProxyOptions } from './configs.ts';
import { send } from '../support/plain-request.ts';
import { startProxy, type Proxy } from './proxy.ts';

const PROXIES: readonly ProxyKind[] = ['nginx', 'Caddy', 'HAProxy'];
/** The proxies' timeouts, where a test waits for them. */
const SHORT_TIMEOUT = '3s';
/** Longer than those. */
const LONG_SILENCE_MS = 5000;
const TOKEN = '0123456789abcdef0123456789abcdef';
const PUBLIC_URL = 'https://mcp.example.com/mcp';

interface BehindOptions extends Omit<ProxyOptions, 'upstreams'> {
  env?: Record<string, string>;
  tools?: Record<string, Tool>;
  app?: ListeningOptions;
}

/** Starts the server, and a proxy in front of it. */
async function startBehind(t: TestContext, kind: ProxyKind, options: BehindOptions = {}): Promise<Proxy> {
  const { env = {}, tools = {}, app = {} } = options;
  const { port } = await startListening(t, env, { createServer: fixture(tools).createServer, ...app });
  return startProxy(t, kind, { ...options, upstreams: [port] });
}

/** A tool that says something if it is to, waits, and tells whether its call was cancelled. */
function waitingTool() {
  const started = gate();
  const released = gate();
  const cancelled = gate();
  const wait: Tool = async ({ args, context: { mcpReq } }) => {
    mcpReq.signal.addEventListener('abort', cancelled.open);
    started.open();
    if (args['isTold'] === true) await progress(mcpReq);
    await released.opened;
    return 'waited';
  };
  return { tools: { wait }, started, released, cancelled };
}

async function progress({ notify, _meta }: ServerContext['mcpReq']): Promise<void> {
  const progressToken = _meta?.progressToken ?? 'told';
  await notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
}

for (const kind of PROXIES) {
  for (const { kind: client, era } of CLIENTS) {
    test(`lists tools and calls one through ${kind} for a ${client} client`, async (t) => {
      const proxy = await startBehind(t, kind, { tools: { echo: ({ args }) => args['text'] } });
      const connected = await connectHttp(t, client, proxy.url);
      assert.equal(connected.era, era);
      const { tools } = await connected.listTools();
      assert.deepEqual(
        tools.map(({ name }) => name),
        ['echo'],
      );
      // More than nginx takes by default.
      const text = 'x'.repeat(3 * 1024 * 1024);
      const { content } = await connected.call('echo', { text });
      assert.equal(content[0]?.text, JSON.stringify(text));
    });
  }

  test(`reads a compressed answer through ${kind}`, async (t) => {
    const text = 'x'.repeat(10_000);
    const proxy = await startBehind(t, kind, { tools: { echo: ({ args }) => args['text'] } });
    const call = modernRequest('tools/call', { name: 'echo', arguments: { text } });
    const response = await remoteApp(proxy.url).request('POST', call);
    assert.equal(response.headers.get('content-encoding'), 'gzip');
    assert.equal((await answerOf(response)).result?.content?.[0]?.text, JSON.stringify(text));
  });

  test(`passes what the server says on to the GET stream through ${kind}`, async (t) => {
    const tell: Tool = ({ server }) => server.server.sendResourceUpdated({ uri: 'test:told' });
    const proxy = await startBehind(t, kind, { tools: { tell } });
    const session = await openSession(remoteApp(proxy.url));
    const stream = readStream(await session.get());
    await stream.next();
    await session.call('tell', {});
    const { message } = await stream.next();
    assert.deepEqual(message?.['params'], { uri: 'test:told' });
  });

  for (const version of ['2025-06-18', LATEST_LEGACY]) {
    test(`passes the beginning of a ${version} stream on at once through ${kind}`, async (t) => {
      const tool = waitingTool();
      // Nothing follows that could push the beginning through.
      const proxy = await startBehind(t, kind, { env: { MCP_KEEP_ALIVE_SECONDS: '0' }, tools: tool.tools });
      const session = await openSession(remoteApp(proxy.url), { 'mcp-protocol-version': version });
      const streams = [await session.get(), await session.post(rpc('tools/call', { name: 'wait', arguments: {} }))];
      for (const { headers, body } of streams) {
        if (kind === 'nginx') assert.equal(headers.get('content-encoding'), 'gzip');
        const { value } = (await body?.getReader().read()) ?? {};
        assert.match(Buffer.from(value ?? []).toString(), version === LATEST_LEGACY ? /^id: / : /^: keepalive\n\n/);
      }
      tool.released.open();
    });
  }

  test(`passes the progress of a 2026-07-28 call on at once through ${kind}`, async (t) => {
    const tool = waitingTool();
    const proxy = await startBehind(t, kind, { env: { MCP_KEEP_ALIVE_SECONDS: '0' }, tools: tool.tools });
    const call = modernRequest('tools/call', { name: 'wait', arguments: { isTold: true } });
    const stream = readStream(await remoteApp(proxy.url).request('POST', call));
    assert.equal((await stream.next()).message?.['method'], 'notifications/progress');
    tool.released.open();
    assert.equal((await stream.next()).message?.['id'], call.body.id);
  });

  test(`answers calls that are silent for longer than the timeouts of ${kind}`, async (t) => {
    const silent: Tool = () => delay(LONG_SILENCE_MS, 'done');
    const late: Tool = async ({ context }) => {
      await delay(LONG_SILENCE_MS);
      await progress(context.mcpReq);
      return 'done';
    };
    const early: Tool = async ({ context }) => {
      await progress(context.mcpReq);
      return delay(LONG_SILENCE_MS, 'done');
    };
    const tools = { silent, late, early };
    const proxy = await startBehind(t, kind, { env: { MCP_KEEP_ALIVE_SECONDS: '1' }, timeout: SHORT_TIMEOUT, tools });
    const clients = await Promise.all(CLIENTS.map((client) => connectHttp(t, client.kind, proxy.url)));
    const calls = clients.flatMap((client) =>
      Object.keys(tools).map((name) => client.call(name, {}, { onprogress: () => {} })),
    );
    for (const { content } of await Promise.all(calls)) assert.equal(content[0]?.text, '"done"');
  });

  test(`gets 504 from ${kind} for a call that is silent for longer than its timeouts, without comments`, async (t) => {
    const tool = waitingTool();
    const env = { MCP_KEEP_ALIVE_SECONDS: '0' };
    const proxy = await startBehind(t, kind, { env, timeout: SHORT_TIMEOUT, tools: tool.tools });
    const call = modernRequest('tools/call', { name: 'wait', arguments: {} });
    assert.equal((await remoteApp(proxy.url).request('POST', call)).status, 504);
    // The proxy leaves, so nobody waits for the call.
    await tool.cancelled.opened;
    tool.released.open();
  });

  test(`resumes a call of the 2025 revisions after ${kind} has broken its connection`, async (t) => {
    const tool = waitingTool();
    const proxy = await startBehind(t, kind, { tools: tool.tools });
    const session = await openSession(remoteApp(proxy.url));
    const call = rpc('tools/call', { name: 'wait', arguments: {} });
    const stream = readStream(await session.post(call));
    const { id } = await stream.next();
    const broken = assert.rejects(stream.ended());
    await proxy.restart();
    await broken;
    tool.released.open();
    assert.equal((await answerOf(await session.get(id))).id, call.id);
  });

  for (const isTold of [false, true]) {
    const when = isTold ? 'has streamed progress' : 'has said nothing';
    test(`cancels a 2026-07-28 call that ${when} when its client leaves ${kind}`, async (t) => {
      const tool = waitingTool();
      const proxy = await startBehind(t, kind, { env: { MCP_KEEP_ALIVE_SECONDS: '0' }, tools: tool.tools });
      const client = new AbortController();
      const call = modernRequest('tools/call', { name: 'wait', arguments: { isTold } });
      const response = remoteApp(proxy.url).request('POST', { ...call, signal: client.signal });
      await tool.started.opened;
      if (isTold) await readStream(await response).next();
      client.abort();
      await response.catch(() => {});
      await tool.cancelled.opened;
      tool.released.open();
    });
  }

  test(`counts the clients behind ${kind} by their own addresses`, async (t) => {
    const env = {
      MCP_PUBLIC_URL: PUBLIC_URL,
      MCP_TRUST_PROXY: '1',
      MCP_RATE_LIMIT: '2',
      MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true',
    };
    const { port } = await startBehind(t, kind, { env, app: { connInfo: getConnInfo } });
    // A client's own list does not count.
    const headers = { ...JSON_HEADERS, host: 'mcp.example.com', 'x-forwarded-for': '192.0.2.1' };
    const post = (from: string) =>
      send(port, { method: 'POST', path: '/mcp', from, headers, body: initializeRequest() });
    const statuses = [];
    for (const from of ['127.0.0.2', '127.0.0.2', '127.0.0.2', '127.0.0.3']) statuses.push((await post(from)).status);
    assert.deepEqual(statuses, [200, 200, 429, 200]);
  });

  test(`sees the Host that the client sent to ${kind}`, async (t) => {
    const env = { MCP_PUBLIC_URL: PUBLIC_URL, MCP_AUTH_TOKENS: `test:${TOKEN}` };
    const { port } = await startBehind(t, kind, { env, tools: { ping: () => 'pong' } });
    const { body, ...rest } = modernRequest('tools/list', {}, { headers: { authorization: `Bearer ${TOKEN}` } });
    for (const [host, status] of [
      ['mcp.example.com', 200],
      ['evil.example', 403],
    ] as const) {
      const headers = { ...rest.headers, host };
      assert.equal((await send(port, { method: 'POST', path: '/mcp', headers, body })).status, status, host);
    }
  });

  test(`answers at /mcp/ and to health checks through ${kind}`, async (t) => {
    const { port } = await startBehind(t, kind, { tools: { ping: () => 'pong' } });
    const call = { method: 'POST', path: '/mcp/', ...modernRequest('tools/list') };
    assert.equal((await send(port, call)).status, 200);
    for (const path of ['/livez', '/readyz']) assert.equal((await send(port, { path })).status, 200, path);
  });
}
