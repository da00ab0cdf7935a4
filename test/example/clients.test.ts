import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { createMcpServer } from '../../src/mcp-server.ts';
import { gate } from '../support/app.ts';
import { CLIENTS, connectHttp, connectStdio, type TestClient } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';
import { startHttpEntry } from '../support/process.ts';
import { settled } from '../support/time.ts';

const TITLES = { titles: ['Hello World', 'Hello World', 'Crème brûlée'] };

test('every client lists and calls the tools over HTTP', async (t) => {
  const { url } = await startHttpEntry(t);
  for (const { kind, era } of CLIENTS) {
    await t.test(kind, async (tt) => {
      const client = await connectHttp(tt, kind, url);
      assert.equal(client.era, era);
      const updates = await useTools(client);
      assert.deepEqual(
        updates,
        [1, 2, 3].map((progress) => ({ progress, total: 3 })),
      );
    });
  }
});

for (const { kind, era } of CLIENTS) {
  test(`a ${kind} client lists and calls the tools over stdio`, async (t) => {
    const client = await connectStdio(t, kind, 'src/stdio-server.ts');
    assert.equal(client.era, era);
    // Progress is looked at below: the SDK's stdio clients lose what comes in one piece with its result.
    await useTools(client);
  });
}

/** Lists and calls both tools; returns the progress of the second. */
async function useTools(client: TestClient): Promise<unknown[]> {
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['slugify', 'slugify-batch'],
  );

  const one = await client.call('slugify', { text: 'Crème brûlée' });
  assert.deepEqual(one.content, [{ type: 'text', text: 'creme-brulee' }]);
  assert.deepEqual(one.structuredContent, { slug: 'creme-brulee' });

  const updates: unknown[] = [];
  const many = await client.call('slugify-batch', TITLES, { onprogress: (update) => updates.push(update) });
  assert.deepEqual(many.structuredContent, { slugs: ['hello-world', 'hello-world-2', 'creme-brulee'] });

  const refused = await client.call('slugify', { text: '!' });
  assert.equal(refused.isError, true);
  return updates;
}

for (const { kind, era } of CLIENTS) {
  test(`a ${kind} client cancels a batch over HTTP, which stops, and goes on`, async (t) => {
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
    // Clients of 2025 say that they cancel; those of 2026 close the stream.
    const observedFetch: FetchLike = async (url, init) => {
      const response = await fetch(url, init);
      if (typeof init?.body === 'string' && init.body.includes('notifications/cancelled')) arrived.open();
      return response;
    };
    const onRequest = ({ signal }: Request) =>
      void (era === 'modern' && signal.addEventListener('abort', arrived.open));
    const { url } = await startListening(t, {}, { createServer: () => createMcpServer({ pause }), onRequest });
    const client = await connectHttp(t, kind, url, { fetch: observedFetch });

    await assert.rejects(client.call('slugify-batch', TITLES, { signal: controller.signal }));
    await resumed.opened;
    const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
    assert.deepEqual(structuredContent, { slug: 'hello-world' });
    await settled();
    assert.equal(steps, 1);
  });

  test(`a ${kind} client cancels a batch over stdio at its first progress, which stops, and goes on`, async (t) => {
    const client = await connectStdio(t, kind, 'test/fixtures/gated-stdio-server.ts');
    const controller = new AbortController();
    const updates: unknown[] = [];
    const onprogress = (update: unknown) => {
      updates.push(update);
      controller.abort();
    };
    await assert.rejects(client.call('slugify-batch', TITLES, { onprogress, signal: controller.signal }));
    assert.deepEqual(updates, [{ progress: 1, total: 3 }]);
    const { content } = await client.call('release');
    assert.deepEqual(content, [{ type: 'text', text: '1' }]);
  });
}

for (const kind of ['v1', 'v2 legacy'] as const) {
  test(`a ${kind} client ends its session with 204, and its id is answered 404 from then on`, async (t) => {
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
    await assert.rejects(late.call('slugify', { text: 'Hello World' }), /-32001.*Session not found/s);
    assert.equal(answers.at(-1), 'POST 404');
  });
}

test('clients of every kind at once get the answers to their own calls', async (t) => {
  const { url } = await startHttpEntry(t);
  const clients = await Promise.all([...CLIENTS, ...CLIENTS, ...CLIENTS].map(({ kind }) => connectHttp(t, kind, url)));
  // Each counts its JSON-RPC ids from the same number.
  const calls = clients.flatMap((client, who) =>
    Array.from({ length: 5 }, async (_, which) => {
      const updates: number[] = [];
      const titles = Array.from({ length: which + 1 }, () => `Client ${who}`);
      const { structuredContent } = await client.call(
        'slugify-batch',
        { titles },
        { onprogress: ({ total = 0 }) => updates.push(total) },
      );
      const slugs = titles.map((_title, index) => `client-${who}${index === 0 ? '' : `-${index + 1}`}`);
      assert.deepEqual(structuredContent, { slugs });
      assert.deepEqual(
        updates,
        titles.map(() => titles.length),
      );
    }),
  );
  await Promise.all(calls);
});
