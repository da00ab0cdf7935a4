import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { initializeRequest, JSON_HEADERS, MODERN, modernRequest, openSession, readStream } from '../support/app.ts';
import { connectHttp } from '../support/clients.ts';
import { remoteApp } from '../support/remote.ts';
import { startHttpEntry } from '../support/process.ts';
import { logLines } from '../support/log-lines.ts';

const GATED = 'test/fixtures/http-server.ts';
const TWO = { to: 2 };
const COUNTED = { counted: 2 };

/** How many calls were cut, as the log says. */
const callsCut = (log: string) => logLines(log).find(({ msg }) => msg === 'stopped')?.['callsCut'];

for (const kind of ['v1', 'v2 legacy', 'v2 pinned'] as const) {
  test(`delivers progress and results of the calls in flight at SIGTERM to a ${kind} client`, async (t) => {
    const server = await startHttpEntry(t, { entry: GATED });
    const client = await connectHttp(t, kind, server.url);
    const progress: number[] = [];
    const onprogress = (update: { progress: number }) => progress.push(update.progress);
    const calls = [client.call('count', TWO), client.call('count', TWO, { onprogress })];
    await server.stderrMatch(/paused\n[^]*paused\n/);

    server.signal('SIGTERM');
    await server.stderrMatch(/stopping/);
    server.writeLine('go on');
    for (const result of await Promise.all(calls)) assert.deepEqual(result.structuredContent, COUNTED);
    assert.deepEqual(progress, [1, 2]);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.equal(callsCut(server.stderr), 0);
  });
}

test('answers 503 with Retry-After to what is new while it drains, and 200 in the sessions it has', async (t) => {
  const server = await startHttpEntry(t, { entry: GATED });
  const app = remoteApp(server.url);
  const session = await openSession(app);
  const call = session.call('count', TWO);
  await server.stderrMatch(/paused/);
  assert.equal((await app.request('GET', { path: '/readyz' })).status, 200);

  server.signal('SIGTERM');
  await server.stderrMatch(/stopping/);
  const modern = modernRequest('tools/call', { name: 'echo', arguments: { text: 'Hello World' } });
  for (const request of [{ headers: JSON_HEADERS, body: initializeRequest() }, modern]) {
    const response = await app.request('POST', request);
    assert.equal(response.status, 503);
    assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.deepEqual(((await response.json()) as { id: unknown }).id, request.body.id);
  }
  assert.equal((await app.request('GET', { path: '/readyz' })).status, 503);
  assert.equal((await app.request('GET', { path: '/livez' })).status, 200);
  const { result } = await session.call('echo', { text: 'Hello World' });
  assert.deepEqual(result?.structuredContent, { echo: 'Hello World' });

  server.writeLine('go on');
  assert.deepEqual((await call).result?.structuredContent, COUNTED);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});

test('ends GET and listen streams properly on SIGTERM, without a call to wait for', async (t) => {
  const server = await startHttpEntry(t);
  const session = await openSession(remoteApp(server.url));
  const stream = readStream(await session.get());
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode: { pin: MODERN } } });
  t.after(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
  const subscription = await client.listen({ toolsListChanged: true });

  server.signal('SIGTERM');
  // A stream that is cut rejects here, and closes the subscription as "remote".
  await stream.ended();
  assert.equal(await subscription.closed, 'graceful');
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal(callsCut(server.stderr), 0);
});

test('cuts the calls that still run when MCP_DRAIN_SECONDS are over, and ends with code 0', async (t) => {
  const server = await startHttpEntry(t, { entry: GATED, env: { MCP_DRAIN_SECONDS: '0' } });
  const modern = await connectHttp(t, 'v2 pinned', server.url);
  const modernCall = modern.call('count', TWO);
  const session = await openSession(remoteApp(server.url));
  const legacyCall = session.call('count', TWO);
  await server.stderrMatch(/paused\n[^]*paused\n/);

  server.signal('SIGTERM');
  await assert.rejects(modernCall);
  assert.equal((await legacyCall).error?.code, -32000);
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
  assert.equal(callsCut(server.stderr), 2);
});
