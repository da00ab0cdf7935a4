/** The resource of the example: how many slugs were made. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createMcpServer } from '../../src/mcp-server.ts';
import { connectClient } from '../../src/testing/connect-client.ts';
import { createNotifier } from '../../src/tools.ts';
import { SUITE_ENV as env } from '../support/app.ts';

const COUNT_URI = 'slugs://count';
const COUNT_UPDATED = { kind: 'resource_updated', uri: COUNT_URI };

/** A client of a server whose notifications the test collects. */
async function notifyingServer(t: TestContext) {
  const told: unknown[] = [];
  const notify = createNotifier();
  notify.attach({ publish: (event) => told.push(event), log: () => {} });
  const { client, close } = await connectClient(createMcpServer, { env, app: { notify } });
  t.after(close);
  const call = (name: string, args: Record<string, unknown>) => client.callTool({ name, arguments: args });
  const count = async () => {
    const { contents } = await client.readResource({ uri: COUNT_URI });
    return Number(contents[0] && 'text' in contents[0] ? contents[0].text : NaN);
  };
  return { told, call, count };
}

test('counts the slugs that it makes, and not those that it refuses', async (t) => {
  const { call, count } = await notifyingServer(t);
  const before = await count();
  await call('slugify', { text: 'a' });
  await call('slugify', { text: '!' });
  await call('slugify-batch', { titles: ['a', 'b', 'c'] });
  await call('slugify-batch', { titles: ['a', '!'] });
  assert.equal(await count(), before + 4);
});

test('tells of every slug and of every batch, and not of those that it refuses', async (t) => {
  const { told, call } = await notifyingServer(t);
  await call('slugify', { text: 'a' });
  assert.deepEqual(told, [COUNT_UPDATED]);
  await call('slugify', { text: '!' });
  await call('slugify-batch', { titles: ['a', 'b'] });
  assert.deepEqual(told, [COUNT_UPDATED, COUNT_UPDATED]);
});
