import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { describeIncoming } from '../../src/protocol/incoming.ts';
import type { McpContext } from '../../src/tools.ts';
import {
  answerOf,
  JSON_HEADERS,
  modernRequest,
  openSession,
  rpc,
  testApp,
  type RequestOptions,
} from '../support/app.ts';
import { createTestServer } from '../support/test-server.ts';

const CALL = { name: 'echo', arguments: { text: 'A b' } };
const BOTH = ['echo', 'count'];

const calledTool = (body: JSONRPCMessage | JSONRPCMessage[]) => describeIncoming(body).tool;

test('describes a tool call with the name of its tool', () => {
  assert.equal(calledTool(rpc('tools/call', { name: 'count' })), 'count');
  assert.equal(calledTool(rpc('tools/call', { name: 'a tool: ü' })), 'a tool: ü');
});

for (const body of [
  rpc('tools/list'),
  rpc('prompts/get', { name: 'echo' }),
  rpc('tools/call'),
  rpc('tools/call', { name: 1 }),
  { jsonrpc: '2.0' as const, id: 1, method: 'tools/call' },
  [rpc('tools/call', { name: 'echo' }), rpc('tools/call', { name: 'count' })],
]) {
  test(`describes anything but a single tool call without a tool: ${JSON.stringify(body)?.replace(/"id":\d+/g, '"id":1')}`, () => {
    assert.equal(calledTool(body), undefined);
  });
}

/** An app that records which tools were registered for each request. */
function watchedApp(env: Record<string, string> = {}) {
  const registered: string[][] = [];
  const createServer = (context: McpContext) => {
    const server = createTestServer(context);
    registered.push(BOTH.filter((name) => server.toolInputSchemaJson(name) !== undefined));
    return server;
  };
  return { app: testApp(env, { createServer }), registered };
}

const legacy = (method: string, params = {}): RequestOptions => ({ headers: JSON_HEADERS, body: rpc(method, params) });

for (const [era, request] of [
  ['modern', modernRequest],
  ['stateless', legacy],
] as const) {
  test(`registers only the tool that is called, and all of them for a list (${era})`, async () => {
    const { app, registered } = watchedApp({ MCP_SESSIONS: 'stateless' });
    const answer = await answerOf(await app.request('POST', request('tools/call', CALL)));
    assert.deepEqual(answer.result?.['structuredContent'], { echo: 'A b' });
    const list = await answerOf(await app.request('POST', request('tools/list')));
    const names = (list.result?.['tools'] as { name: string }[] | undefined)?.map(({ name }) => name);
    assert.deepEqual(names, BOTH);
    assert.deepEqual(registered, [['echo'], BOTH]);
  });

  test(`answers -32602 to a tool that does not exist (${era})`, async () => {
    const { app, registered } = watchedApp({ MCP_SESSIONS: 'stateless' });
    const response = await app.request('POST', request('tools/call', { name: 'other', arguments: {} }));
    assert.equal((await answerOf(response)).error?.code, -32602);
    assert.deepEqual(registered[0], []);
  });
}

test('registers only the tool that is called if the handler of the SDK serves the call', async () => {
  const { app, registered } = watchedApp();
  const { headers, ...call } = modernRequest('tools/call', CALL);
  // Plain calls of clients that accept both types take the fast path instead.
  const response = await app.request('POST', { ...call, headers: { ...headers, accept: 'application/json' } });
  assert.deepEqual((await answerOf(response)).result?.['structuredContent'], { echo: 'A b' });
  assert.deepEqual(registered, [['echo']]);
});

test('registers all tools for a batch of the 2025 revisions, and for a session', async () => {
  const { app, registered } = watchedApp({ MCP_SESSIONS: 'stateless' });
  const body = [rpc('tools/call', CALL), rpc('ping')];
  assert.equal((await app.request('POST', { headers: JSON_HEADERS, body })).status, 200);
  assert.deepEqual(registered, [BOTH]);

  const stateful = watchedApp();
  await openSession(stateful.app);
  assert.deepEqual(stateful.registered, [BOTH]);
});
