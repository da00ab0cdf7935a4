/** The resource of the example: how many slugs were made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMcpServer } from '../../src/mcp-server.ts';
import { createNotifier } from '../../src/tools.ts';
import { answerOf, modernRequest, testApp } from '../support/app.ts';

const COUNT_URI = 'slugs://count';
const COUNT_UPDATED = { kind: 'resource_updated', uri: COUNT_URI };

/** An app whose notifications the test collects. */
function notifyingApp() {
  const told: unknown[] = [];
  const notify = createNotifier();
  notify.attach({ publish: (event) => told.push(event), log: () => {} });
  const app = testApp({}, { createServer: createMcpServer, notify });
  const call = async (name: string, args: Record<string, unknown>) =>
    answerOf(await app.request('POST', modernRequest('tools/call', { name, arguments: args })));
  const count = async () => {
    const { result } = await answerOf(await app.request('POST', modernRequest('resources/read', { uri: COUNT_URI })));
    const contents = result?.['contents'] as { text: string }[] | undefined;
    return Number(contents?.[0]?.text);
  };
  return { told, call, count };
}

test('counts the slugs that it makes, and not those that it refuses', async () => {
  const { call, count } = notifyingApp();
  const before = await count();
  await call('slugify', { text: 'a' });
  await call('slugify', { text: '!' });
  await call('slugify-batch', { titles: ['a', 'b', 'c'] });
  await call('slugify-batch', { titles: ['a', '!'] });
  assert.equal(await count(), before + 4);
});

test('tells of every slug and of every batch, and not of those that it refuses', async () => {
  const { told, call } = notifyingApp();
  await call('slugify', { text: 'a' });
  assert.deepEqual(told, [COUNT_UPDATED]);
  await call('slugify', { text: '!' });
  await call('slugify-batch', { titles: ['a', 'b'] });
  assert.deepEqual(told, [COUNT_UPDATED, COUNT_UPDATED]);
});
