/** The clients of both generations of the SDK, at the test server: cancellation, the end of a session, many at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import type { CreateServer } from '../src/tools.ts';
import { gate } from './support/app.ts';
import { CLIENTS, connectHttp, connectStdio } from './support/clients.ts';
import { startListening } from './support/listening.ts';
import { startHttpEntry } from './support/process.ts';
import { createTestServer } from './support/test-server.ts';
import { settled } from './support/time.ts';

for (const { kind, era } of CLIENTS) {
  test(`a ${kind} client cancels a call over HTTP, which stops, and goes on`, async (t) => {
    const controller = new AbortController();
    const arrived = gate();
    const resumed = gate();
    let steps = 0;
    const pause = async () => {
      steps += 1;
      controller.abort();
      await arrived.opened;
      await settled();
      resumed.open();
    };
    // Clients of 2025 send a notification to cancel; those of 2026 close the stream.
    const observedFetch: FetchLike = async (url, init) => {
      const response = await fetch(url, init);
      if (typeof init?.body === 'string' && init.body.includes('notifications/cancelled')) arrived.open();
      return response;
    };
    const onRequest = ({ signal }: Request) =>
      void (era === 'modern' && signal.addEventListener('abort', arrived.open));
    const createServer: CreateServer = (context) => createTestServer(context, { pause });
    const { url } = await startListening(t, {}, { createServer, onRequest });
    const client = await connectHttp(t, kind, url, { fetch: observedFetch });

    await assert.rejects(client.call('count', { to: 3 }, { signal: controller.signal }));
    await resumed.opened;
    const { structuredContent } = await client.call('echo', { text: 'Hello World' });
    assert.deepEqual(structuredContent, { echo: 'Hello World' });
    await settled();
    assert.equal(steps, 1);
  });

  test(`a ${kind} client cancels a call over stdio at its first progress, which stops, and goes on`, async (t) => {
    const client = await connectStdio(t, kind, 'test/fixtures/stdio-server.ts');
    assert.equal(client.era, era);
    const controller = new AbortController();
    const updates: unknown[] = [];
    const onprogress = (update: unknown) => {
      updates.push(update);
      controller.abort();
    };
    await assert.rejects(client.call('count', { to: 3 }, { onprogress, signal: controller.signal }));
    assert.deepEqual(updates, [{ progress: 1, total: 3 }]);
    const { content } = await client.call('release');
    assert.deepEqual(content, [{ type: 'text', text: '1' }]);
  });
}

for (const kind of ['v1', 'v2 legacy'] as const) {
  test(`a ${kind} client ends its session with 204, and gets 404 for its id afterwards`, async (t) => {
    const { url } = await startListening(t);
    const answers: string[] = [];
    const observedFetch: FetchLike = async (input, init) => {
      const response = await fetch(input, init);
      answers.push(`${init?.method} ${response.status}`);
      return response;
    };
    const { transport } = await connectHttp(t, kind, url, { fetch: observedFetch });
    const { sessionId = '' } = transport;
    assert.notEqual(sessionId, '');
    await transport.terminateSession();
    assert.equal(answers.at(-1), 'DELETE 204');

    const late = await connectHttp(t, kind, url, { fetch: observedFetch, sessionId });
    await assert.rejects(late.call('echo', { text: 'Hello World' }), /-32001.*Session not found/s);
    assert.equal(answers.at(-1), 'POST 404');
  });
}

test('clients of every kind at once get the answers to their own calls', async (t) => {
  const server = await startHttpEntry(t, { entry: 'test/fixtures/http-server.ts' });
  server.writeLine('go on');
  const clients = await Promise.all(
    [...CLIENTS, ...CLIENTS, ...CLIENTS].map(({ kind }) => connectHttp(t, kind, server.url)),
  );
  // All clients count their JSON-RPC ids from the same number.
  const calls = clients.flatMap((client, who) =>
    Array.from({ length: 5 }, async (_, which) => {
      const to = who * 5 + which + 1;
      const updates: unknown[] = [];
      const counted = await client.call('count', { to }, { onprogress: (update) => updates.push(update) });
      assert.deepEqual(counted.structuredContent, { counted: to });
      assert.deepEqual(
        updates,
        Array.from({ length: to }, (_step, index) => ({ progress: index + 1, total: to })),
      );
      const text = `Client ${who}, call ${which}`;
      assert.deepEqual((await client.call('echo', { text })).structuredContent, { echo: text });
    }),
  );
  await Promise.all(calls);
});
