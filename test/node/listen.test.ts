import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { ANONYMOUS } from '../../src/auth/caller.ts';
import { JSON_HEADERS, gate, initializeRequest, modernRequest, openSession, readStream, rpc } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { fixture } from '../support/fixture.ts';
import { startListening } from '../support/listening.ts';
import { remoteApp } from '../support/remote.ts';
import { settled } from '../support/time.ts';
import { watchText } from '../support/watch.ts';

const OVER_LIMIT = 'x'.repeat(5000);
const NEXT_REQUEST = 'GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';

const OVERSIZED = {
  declared: post(JSON_HEADERS, OVER_LIMIT),
  chunked: `${head({ ...JSON_HEADERS, 'transfer-encoding': 'chunked' })}1388\r\n${OVER_LIMIT}\r\n0\r\n\r\n`,
};
for (const [kind, request] of Object.entries(OVERSIZED)) {
  test(`answers 413 to a ${kind} body over the limit, and the connection's next request`, async (t) => {
    const { port } = await startListening(t, { MCP_MAX_BODY_BYTES: '1024' });
    const answers = watchText(connectTo(t, port, request + NEXT_REQUEST));
    const [, body = ''] = await answers.match(/^HTTP\/1\.1 413 [^]*?\r\n\r\n(\{.*\})HTTP\/1\.1 200 [^]*\r\n\r\nok$/);
    assert.match(JSON.parse(body).error.message, /1024 bytes/);
  });
}

test('answers 413 to a declared body before it comes, and ends the connection that it does not come on', async (t) => {
  const { port, url } = await startListening(t, { MCP_MAX_BODY_BYTES: '1024' });
  const socket = connectTo(t, port, head({ ...JSON_HEADERS, 'content-length': '5000' }));
  const answers = watchText(socket);
  const closed = once(socket, 'close');
  await answers.match(/^HTTP\/1\.1 413 /);
  await closed;
  assert.equal((await fetch(new URL('/livez', url))).status, 200);
});

test('takes a notification whose client leaves while it is being authenticated', async (t) => {
  const [asked, answer] = [gate(), gate()];
  const heard = gate();
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1' });
    server.server.setNotificationHandler('notifications/initialized', () => heard.open());
    return server;
  };
  let isSlow = false;
  const authenticate = async () => {
    if (isSlow) {
      asked.open();
      await answer.opened;
    }
    return ANONYMOUS;
  };
  const { port, url } = await startListening(t, {}, { createServer, authenticate });
  const opened = await fetch(url, { method: 'POST', headers: JSON_HEADERS, body: JSON.stringify(initializeRequest()) });
  const headers = { ...JSON_HEADERS, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  await opened.text();
  isSlow = true;
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const socket = connectTo(t, port, post(headers, body));
  await asked.opened;
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  answer.open();
  await heard.opened;
});

test('keeps idle connections for longer than common load balancers, and as long as it is told', async (t) => {
  for (const [options, seconds] of [
    [{}, 130],
    [{ idleConnectionMs: 620_000 }, 620],
  ] as const) {
    const { port } = await startListening(t, {}, options);
    const answer = watchText(connectTo(t, port, NEXT_REQUEST));
    await answer.match(new RegExp(`^Keep-Alive: timeout=${seconds}\\r$`, 'im'));
  }
});

test('closes each connection with its answer while it stops, so that clients go elsewhere', async (t) => {
  const tool = waitingTool();
  const { url, drain } = await startListening(t, { MCP_DRAIN_SECONDS: '10' }, tool);
  const session = await openSession(remoteApp(url));
  const call = session.call('wait', {});
  await tool.started.opened;
  const alive = await fetch(new URL('/livez', url));
  assert.notEqual(alive.headers.get('connection'), 'close');
  const draining = drain();
  for (const path of ['/livez', '/readyz', '/mcp']) {
    assert.equal((await fetch(new URL(path, url))).headers.get('connection'), 'close', path);
  }
  tool.released.open();
  await Promise.all([call, draining]);
});

/** A tool that waits, and tells whether its call was cancelled. */
function waitingTool() {
  const started = gate();
  const released = gate();
  const cancelled = gate();
  let signal: AbortSignal | undefined;
  const wait = async ({ context }: { context: ServerContext }) => {
    ({ signal } = context.mcpReq);
    signal.addEventListener('abort', cancelled.open);
    started.open();
    await released.opened;
    return 'waited';
  };
  const { createServer } = fixture({ wait });
  return { createServer, started, released, cancelled, isCancelled: () => signal?.aborted };
}

test('finishes the call of a 2025 client that disconnects and can resume for the result', async (t) => {
  const tool = waitingTool();
  const gone = gate();
  const { url } = await startListening(t, {}, { ...tool, onRequest: ({ signal }) => (signal.onabort = gone.open) });
  const app = remoteApp(url);
  const session = await openSession(app);
  const client = new AbortController();
  const body = rpc('tools/call', { name: 'wait', arguments: {} });
  const response = await app.request('POST', { headers: session.headers, body, signal: client.signal });
  const { id } = await readStream(response).next();
  await tool.started.opened;

  client.abort();
  await gone.opened;
  await settled();
  assert.equal(tool.isCancelled(), false);
  tool.released.open();
  const { message } = await readStream(await session.get(id)).next();
  assert.equal(message?.['id'], body.id);
  assert.deepEqual(message?.['result'], { content: [{ type: 'text', text: '"waited"' }] });
});

test('cancels the call of a 2026 client that disconnects', async (t) => {
  const tool = waitingTool();
  const { url } = await startListening(t, {}, tool);
  const client = new AbortController();
  const request = modernRequest('tools/call', { name: 'wait', arguments: {} });
  const response = remoteApp(url).request('POST', { ...request, signal: client.signal });
  await tool.started.opened;

  client.abort();
  await assert.rejects(response, { name: 'AbortError' });
  await tool.cancelled.opened;
  tool.released.open();
});

test('cancels every call that waits on a connection when it closes, and does not wait for their answers', async (t) => {
  // As many as are taken from a connection at a time.
  const calls = 2;
  const started = gate();
  const cancelled = gate();
  let running = 0;
  const wait = ({ context: { mcpReq } }: { context: ServerContext }) =>
    new Promise((resolve) => {
      mcpReq.signal.addEventListener('abort', () => {
        running -= 1;
        if (running === 0) cancelled.open();
        resolve('cancelled');
      });
      running += 1;
      if (running === calls) started.open();
    });
  const { port, close } = await startListening(t, {}, { ...fixture({ wait }), listenerClock: manualClock() });
  const { headers, body } = modernRequest('tools/call', { name: 'wait', arguments: {} });
  const socket = connectTo(t, port, post(headers, JSON.stringify(body)).repeat(calls));
  await started.opened;

  socket.destroy();
  await cancelled.opened;
  // No time passes: nothing is left to wait for.
  await close();
});

const FLOOD_MESSAGES = 32;
for (const era of ['2025', '2026'] as const) {
  test(`cuts the connection of a ${era} client that does not read, and serves the others`, async (t) => {
    const printed = t.mock.method(console, 'error', () => {});
    const flooded = gate();
    const flood = async ({ context: { mcpReq } }: { context: ServerContext }) => {
      const message = 'x'.repeat(1024 * 1024);
      for (let progress = 0; progress < FLOOD_MESSAGES && !mcpReq.signal.aborted; progress += 1) {
        const params = { progressToken: 1, progress, message };
        await mcpReq.notify({ method: 'notifications/progress', params });
        await settled();
      }
      flooded.open();
    };
    const { port, url } = await startListening(t, {}, fixture({ flood, ping: () => 'pong' }));
    const session = await openSession(remoteApp(url));
    const params = { name: 'flood', arguments: {}, _meta: { progressToken: 1 } };
    const request =
      era === '2026'
        ? modernRequest('tools/call', params)
        : { headers: session.headers, body: rpc('tools/call', params) };
    const socket = connectTo(t, port, post(request.headers, JSON.stringify(request.body))).pause();
    await flooded.opened;

    let bytes = 0;
    socket.on('data', (chunk) => (bytes += chunk.length)).resume();
    await once(socket, 'close');
    // Kernel buffers and the limit together are well under what the tool would send.
    assert.ok(bytes < (FLOOD_MESSAGES * 1024 * 1024) / 2, `${bytes} bytes`);
    // By the adapter, when shortcuts are off.
    assert.ok(printed.mock.calls.every(({ arguments: [error] }) => (error as Error).stack === undefined));
    const { result } = await session.call('ping', {});
    assert.deepEqual(result?.content, [{ type: 'text', text: '"pong"' }]);
  });
}

test('sends an answer to its end that a client is still reading when the listener closes', async (t) => {
  const { createServer } = fixture({ big: () => 'x'.repeat(32 * 1024 * 1024) });
  const { port, close } = await startListening(t, {}, { createServer, listenerClock: manualClock() });
  const { headers, body } = modernRequest('tools/call', { name: 'big', arguments: {} });
  const socket = connectTo(t, port, post(headers, JSON.stringify(body)));
  const answer = watchText(socket);
  const [, length] = await answer.match(/^HTTP\/1\.1 200 [^]*?\r\ncontent-length: (\d+)\r\n/i);
  socket.pause();

  // No time passes: it waits for the answer, and for nothing else.
  const closed = close();
  await settled();
  socket.resume();
  await closed;
  await once(socket, 'close');
  assert.equal(answer.text.length - answer.text.indexOf('\r\n\r\n') - 4, Number(length));
});

test('answers a request on a connection that it has accepted when the listener closes', async (t) => {
  const { port, url, drain, close } = await startListening(t, {}, { listenerClock: manualClock() });
  const socket = connectTo(t, port, '');
  const answer = watchText(socket);
  await once(socket, 'connect');
  assert.equal((await fetch(new URL('/livez', url))).status, 200);
  await drain();

  // No time passes: it waits for the answer, and for nothing else.
  const closed = close();
  await settled();
  socket.write(post(JSON_HEADERS, JSON.stringify(initializeRequest())));
  await answer.match(/^HTTP\/1\.1 503 [^]*\r\nconnection: close\r\n/i);
  await closed;
});

test('ends a connection whose request never comes in full two seconds after the listener closes', async (t) => {
  const clock = manualClock();
  const { port, url, close } = await startListening(t, {}, { listenerClock: clock });
  const socket = connectTo(t, port, head({ ...JSON_HEADERS, 'content-length': '10' }));
  const ended = once(socket, 'close');
  await once(socket, 'connect');
  assert.equal((await fetch(new URL('/livez', url))).status, 200);

  const { pending } = clock;
  const closed = close();
  await settled();
  assert.equal(clock.pending, pending + 1);
  clock.advance(2000);
  await closed;
  await ended;
});

function connectTo(t: TestContext, port: number, request: string): Socket {
  const socket = connect(port, '127.0.0.1');
  // A cut connection may end with an error; "close" follows in any case.
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(request);
  return socket;
}

function post(headers: Record<string, string>, body: string): string {
  return head({ ...headers, 'content-length': String(Buffer.byteLength(body)) }) + body;
}

function head(headers: Record<string, string>): string {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n`;
}
