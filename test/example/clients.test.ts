import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENTS, connectHttp, connectStdio, type TestClient } from '../support/clients.ts';
import { startHttpEntry } from '../support/process.ts';

const COUNT_URI = 'slugs://count';
const TITLES = { titles: ['Hello World', 'Hello World', 'Crème brûlée'] };

test('every client calls the tools and follows the count over HTTP', async (t) => {
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
  test(`a ${kind} client calls the tools and follows the count over stdio`, async (t) => {
    const client = await connectStdio(t, kind, 'src/stdio-server.ts');
    assert.equal(client.era, era);
    // Not its progress: the SDK's stdio clients lose notifications that arrive together with the result.
    await useTools(client);
  });
}

/** Lists and calls both tools, hears how many slugs were made, and returns the progress reports of the second tool. */
async function useTools(client: TestClient): Promise<unknown[]> {
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name }) => name),
    ['slugify', 'slugify-batch'],
  );

  assert.deepEqual(await client.resources(), [COUNT_URI]);
  await client.follow(COUNT_URI);
  const before = Number(await client.read(COUNT_URI));

  const one = await client.call('slugify', { text: 'Crème brûlée' });
  assert.deepEqual(one.content, [{ type: 'text', text: 'creme-brulee' }]);
  assert.deepEqual(one.structuredContent, { slug: 'creme-brulee' });

  const updates: unknown[] = [];
  const many = await client.call('slugify-batch', TITLES, { onprogress: (update) => updates.push(update) });
  assert.deepEqual(many.structuredContent, { slugs: ['hello-world', 'hello-world-2', 'creme-brulee'] });

  await client.heard.next('notifications/resources/updated', { uri: COUNT_URI });
  assert.equal(Number(await client.read(COUNT_URI)), before + 4);

  const refused = await client.call('slugify', { text: '!' });
  assert.equal(refused.isError, true);
  return updates;
}
