import assert from 'node:assert/strict';
import { test } from 'node:test';
// It begins with the app, as an entry does: the setting has to be made before the SDK makes its schemas.
import { initializeRequest, JSON_HEADERS, modernRequest, openSession, rpc, testApp } from '../support/app.ts';
import { CallToolResultSchema, ListToolsResultSchema } from '@modelcontextprotocol/core';

/** How many are made by what has been done before. */
async function weakMapsMadeBy(work: () => unknown): Promise<number> {
  await work();
  let made = 0;
  const { WeakMap: original } = globalThis;
  globalThis.WeakMap = new Proxy(original, {
    construct(target, args) {
      made += 1;
      return Reflect.construct(target, args) as object;
    },
  });
  try {
    await work();
  } finally {
    globalThis.WeakMap = original;
  }
  return made;
}

const ECHO = { name: 'echo', arguments: { text: 'Hello World' } };
const JSON_VALUE = { deep: [1, null, { text: 'two' }] };

test('no request of either era keeps what it has seen, in case it should contain itself', async () => {
  const app = testApp();
  const session = await openSession(app);
  const initialize = { headers: JSON_HEADERS, body: initializeRequest({ experimental: { 'example/x': JSON_VALUE } }) };
  const requests: Record<string, () => Promise<Response>> = {
    initialize: () => app.request('POST', initialize),
    'a call in a session': () => session.post(rpc('tools/call', ECHO)),
    'a list in a session': () => session.post(rpc('tools/list')),
    'a modern call': () => app.request('POST', modernRequest('tools/call', ECHO)),
    'a modern list': () => app.request('POST', modernRequest('tools/list')),
  };
  for (const [what, request] of Object.entries(requests)) {
    const work = async () => assert.equal((await request()).status, 200, what);
    assert.equal(await weakMapsMadeBy(work), 0, what);
  }
});

test('no schema of the SDK does', async () => {
  const tool = { name: 'a', inputSchema: { type: 'object', properties: JSON_VALUE } };
  const work = () => {
    assert.ok(
      CallToolResultSchema.safeParse({ content: [], structuredContent: JSON_VALUE, _meta: JSON_VALUE }).success,
    );
    assert.ok(ListToolsResultSchema.safeParse({ tools: [tool] }).success);
    assert.ok(!ListToolsResultSchema.safeParse({ tools: [JSON_VALUE] }).success);
  };
  assert.equal(await weakMapsMadeBy(work), 0);
});
