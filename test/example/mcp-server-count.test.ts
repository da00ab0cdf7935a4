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

test('tells of single slugs once a second, and of every batch', async (t) => {
  // Later than whatever the tests before have made.
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 });
  const { told, call } = notifyingApp();
  for (let times = 0; times < 3; times += 1) await call('slugify', { text: 'a' });
  assert.deepEqual(told, [COUNT_UPDATED]);
  t.mock.timers.tick(1000);
  for (let times = 0; times < 3; times += 1) await call('slugify', { text: 'a' });
  assert.deepEqual(told, [COUNT_UPDATED, COUNT_UPDATED]);
  await call('slugify-batch', { titles: ['a'] });
  assert.deepEqual(told, [COUNT_UPDATED, COUNT_UPDATED, COUNT_UPDATED]);
});
