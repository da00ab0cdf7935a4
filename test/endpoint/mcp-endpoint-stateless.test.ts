/** `MCP_SESSIONS=stateless` at `/mcp`: clients of the 2025 revisions are served, without sessions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerOf,
  messagesIn,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  modernRequest,
  rpc,
} from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';
import { sessionApp } from '../support/session-app.ts';
import { settled } from '../support/time.ts';

const STATELESS = { MCP_SESSIONS: 'stateless' };
const TOOLS = { echo: ({ args }: { args: unknown }) => args };
const CALL = rpc('tools/call', { name: 'echo', arguments: { a: 1 } });

for (const method of ['GET', 'DELETE', 'PUT', 'HEAD']) {
  test(`answers 405 to ${method}, and allows POST only`, async () => {
    const { app } = sessionApp(TOOLS, STATELESS);
    const headers = { accept: 'text/event-stream', 'mcp-session-id': 'x' };
    const response = await app.request(method, { headers });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST']);
    if (method !== 'HEAD') await assertRefused(response, { status: 405, code: -32000 });
  });
}

test('answers 200 to initialize without a session id, and 202 to initialized', async () => {
  const { app } = sessionApp(TOOLS, STATELESS);
  const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
  assert.deepEqual([opened.status, opened.headers.get('mcp-session-id')], [200, null]);
  assert.equal((await answerOf(opened)).result?.['protocolVersion'], LATEST_LEGACY);
  const body = { jsonrpc: '2.0', method: 'notifications/initialized' };
  assert.equal((await app.request('POST', { headers: JSON_HEADERS, body })).status, 202);
});

test('answers 200 to a call, whatever session it names', async () => {
  const { app } = sessionApp(TOOLS, STATELESS);
  for (const headers of [JSON_HEADERS, { ...JSON_HEADERS, 'mcp-session-id': 'x' }]) {
    const response = await app.request('POST', { headers, body: CALL });
    assert.deepEqual([response.status, response.headers.get('mcp-session-id')], [200, null]);
    assert.equal((await answerOf(response)).result?.content?.[0]?.text, '{"a":1}');
  }
});

test('answers 200 to a call with one JSON body, for a client that reads nothing else', async () => {
  const headers = { ...JSON_HEADERS, accept: 'application/json' };
  const response = await sessionApp(TOOLS, STATELESS).app.request('POST', { headers, body: CALL });
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(((await response.json()) as { id: unknown }).id, CALL.id);
});

test('answers 200 to each call of a batch', async () => {
  const ping = rpc('ping');
  const response = await sessionApp(TOOLS, STATELESS).app.request('POST', {
    headers: JSON_HEADERS,
    body: [CALL, ping],
  });
  const answered = messagesIn(await response.text()).map(({ id }) => id);
  assert.deepEqual(new Set(answered), new Set([CALL.id, ping.id]));
});

test('answers 400 with -32000 to a version it does not speak', async () => {
  const headers = { ...JSON_HEADERS, 'mcp-protocol-version': '1999-01-01' };
  const response = await sessionApp(TOOLS, STATELESS).app.request('POST', { headers, body: CALL });
  await assertRefused(response, { status: 400, code: -32000 });
});

test('answers 200 to a modern call along with them', async () => {
  const request = modernRequest('tools/call', { name: 'echo', arguments: { a: 1 } });
  const response = await sessionApp(TOOLS, STATELESS).app.request('POST', request);
  assert.equal((await answerOf(response)).result?.content?.[0]?.text, '{"a":1}');
});

test('makes a server for each request, and keeps none', async () => {
  const { app, servers } = sessionApp(TOOLS, STATELESS);
  for (let call = 1; call <= 3; call += 1) {
    await (await app.request('POST', { headers: JSON_HEADERS, body: CALL })).text();
    await settled();
    assert.deepEqual([servers.created, servers.open], [call, 0]);
  }
});

test('cancels a call whose stream is closed', async () => {
  let signal: AbortSignal | undefined;
  const wait = ({ context }: { context: { mcpReq: { signal: AbortSignal } } }) => {
    ({ signal } = context.mcpReq);
    return new Promise(() => {});
  };
  const { app, servers } = sessionApp({ wait }, STATELESS);
  const response = await app.request('POST', { headers: JSON_HEADERS, body: rpc('tools/call', { name: 'wait' }) });
  await settled();
  assert.equal(signal?.aborted, false);
  await response.body?.cancel();
  await settled();
  assert.deepEqual([signal?.aborted, servers.open], [true, 0]);
  assert.equal(await app.drain(), 0);
});

test('answers 503 with -32000 to every request while it stops', async () => {
  const { app } = sessionApp(TOOLS, STATELESS);
  await app.drain();
  const response = await app.request('POST', { headers: JSON_HEADERS, body: CALL });
  await assertRefused(response, { status: 503, code: -32000, headers: { 'retry-after': '5' } });
});
