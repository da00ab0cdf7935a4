/** The modern era at `/mcp`; what both eras share is in `mcp-endpoint.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextTurn } from '../../src/tools.ts';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { answerOf, gate, MODERN, modernRequest, readStream } from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { settled } from '../support/time.ts';

const { app } = sessionApp({ noop: () => null });

interface Change {
  /** Header values to replace; `undefined` leaves one out. */
  headers?: Record<string, string | undefined>;
  method?: string;
  params?: Record<string, unknown>;
  /** Entries of the envelope to replace. */
  envelope?: Record<string, unknown>;
}

/** Sends a modern request with something changed. */
function sendModern({ headers = {}, method = 'tools/call', params = { name: 'noop' }, envelope = {} }: Change) {
  const request = modernRequest(method, params, { id: 'mine' });
  Object.assign(request.body.params['_meta'] as object, envelope);
  const all = Object.entries({ ...request.headers, ...headers }).filter(([, value]) => value !== undefined);
  return app.request('POST', { headers: Object.fromEntries(all) as Record<string, string>, body: request.body });
}

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const REFUSED_MODERN: [what: string, status: number, code: number, change: Change][] = [
  ['no MCP-Protocol-Version', 400, -32020, { headers: { 'mcp-protocol-version': undefined } }],
  ['another MCP-Protocol-Version', 400, -32020, { headers: { 'mcp-protocol-version': '2025-11-25' } }],
  ['no Mcp-Method', 400, -32020, { headers: { 'mcp-method': undefined } }],
  ['another Mcp-Method', 400, -32020, { headers: { 'mcp-method': 'tools/list' } }],
  ['no Mcp-Name', 400, -32020, { headers: { 'mcp-name': undefined } }],
  ['another Mcp-Name', 400, -32020, { headers: { 'mcp-name': 'X' } }],
  ['a Mcp-Name that is not Base64', 400, -32020, { headers: { 'mcp-name': '=?base64?@@?=' } }],
  [
    'a revision it does not speak',
    400,
    -32022,
    { headers: { 'mcp-protocol-version': '2099-01-01' }, envelope: { [VERSION_KEY]: '2099-01-01' } },
  ],
  [
    'an envelope without capabilities',
    400,
    -32602,
    { envelope: { 'io.modelcontextprotocol/clientCapabilities': undefined } },
  ],
  ['no envelope', 400, -32602, { envelope: { [VERSION_KEY]: undefined } }],
  ['an unknown method', 404, -32601, { method: 'no/such' }],
  ['the method __proto__', 404, -32601, { method: '__proto__' }],
  ['initialize', 404, -32601, { method: 'initialize' }],
  ['ping', 404, -32601, { method: 'ping' }],
];

for (const [what, status, code, change] of REFUSED_MODERN) {
  test(`answers ${status} with ${code} to ${what} in the modern era`, async () => {
    await assertRefused(await sendModern(change), { status, code, id: 'mine' });
  });
}

test('names the revisions it speaks to a modern client that asks for another', async () => {
  const version = '2099-01-01';
  const change = { headers: { 'mcp-protocol-version': version }, envelope: { [VERSION_KEY]: version } };
  const { error } = await answerOf(await sendModern(change));
  assert.deepEqual(error?.data, { supported: [MODERN], requested: version });
});

test('answers 400 with -32600 to a batch with a modern request', async () => {
  const { headers, body } = modernRequest('tools/list');
  await assertRefused(await app.request('POST', { headers, body: [body] }), { status: 400, code: -32600 });
});

test('answers 200 with -32602 to an unknown tool in the modern era', async () => {
  const response = await sendModern({ params: { name: 'nothing' } });
  assert.deepEqual([response.status, (await answerOf(response)).error?.code], [200, -32602]);
});

test('answers 202 without a body to a modern notification', async () => {
  const { headers, body } = modernRequest('notifications/x');
  const { id: _, ...notification } = body;
  const response = await app.request('POST', { headers, body: notification });
  assert.deepEqual([response.status, await response.text()], [202, '']);
});

test('answers 200 to a modern call that names a session or an event, and takes no notice of either', async () => {
  const response = await sendModern({
    headers: { 'mcp-session-id': 'no-such-session', 'last-event-id': '1', 'mcp-name': `=?base64?${btoa('noop')}?=` },
  });
  assert.deepEqual([response.status, response.headers.get('mcp-session-id')], [200, null]);
});

const LISTEN = { notifications: { toolsListChanged: true } };

test('answers 200 with an acknowledged stream to subscriptions/listen, and ends it with a result when it stops', async () => {
  const stopping = sessionApp({ noop: () => null }).app;
  const response = await stopping.request('POST', modernRequest('subscriptions/listen', LISTEN, { id: 'mine' }));
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream']);
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  const stream = readStream(response);
  const { message } = await stream.next();
  assert.equal(message?.['method'], 'notifications/subscriptions/acknowledged');
  const _meta = { 'io.modelcontextprotocol/subscriptionId': 'mine' };
  assert.deepEqual(message['params'], { ...LISTEN, _meta });
  assert.equal(await stopping.drain(), 0);
  assert.equal((await stream.next()).message?.['id'], 'mine');
  await stream.ended();
});

test('tells a client that listens of what is published, as far as it asked', async () => {
  const changes = createMemoryChangeLog();
  const { app: publishing } = sessionApp({ noop: () => null }, {}, { changes });
  const request = modernRequest('subscriptions/listen', LISTEN);
  const stream = readStream(await publishing.request('POST', request));
  await stream.next();
  changes.publish({ kind: 'prompts_list_changed' });
  changes.publish({ kind: 'tools_list_changed' });
  assert.equal((await stream.next()).message?.['method'], 'notifications/tools/list_changed');
  await stream.cancel();
});

test('tells a client that listens once of what changes many times in a turn', async () => {
  const changes = createMemoryChangeLog();
  const { app: publishing } = sessionApp({ noop: () => null }, {}, { changes });
  const stream = readStream(await publishing.request('POST', modernRequest('subscriptions/listen', LISTEN)));
  await stream.next();
  for (let times = 0; times < 100; times += 1) changes.publish({ kind: 'tools_list_changed' });
  await stream.next();
  await settled();
  await publishing.drain();
  assert.equal((await stream.next()).message?.['method'], undefined, 'the end of the subscription');
});

test('publishes JSON that strict parsers and line readers understand', async () => {
  const changes = createMemoryChangeLog();
  const { app: publishing } = sessionApp({ noop: () => null }, {}, { changes });
  const stream = readStream(await publishing.request('POST', modernRequest('subscriptions/listen', LISTEN)));
  await stream.next();
  changes.publish({ kind: 'tools_list_changed', params: { _meta: { note: 'a\ud83d\u2028b' } } });
  await stream.next();
  assert.match(stream.text, /a\\ufffd\\u2028b/);
  await stream.cancel();
});

test('answers 429 to more subscriptions of a principal than MCP_MAX_SESSIONS_PER_PRINCIPAL, until one ends', async () => {
  const { app: listening } = sessionApp({ noop: () => null }, { MCP_MAX_SESSIONS_PER_PRINCIPAL: '2' });
  const listen = async (token: string) => {
    const { headers, body } = modernRequest('subscriptions/listen', LISTEN);
    return listening.request('POST', { headers: { ...headers, ...bearer(token) }, body });
  };
  const first = readStream(await listen('anna.1'));
  await first.next();
  const second = readStream(await listen('anna.2'));
  const refused = await listen('anna.3');
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '10']);
  const other = await listen('ben.1');
  assert.equal(other.status, 200);
  await first.cancel();
  const again = await listen('anna.3');
  assert.equal(again.status, 200);
  await Promise.all([second.cancel(), other.body?.cancel(), again.body?.cancel()]);
});

test('answers 400 with -32602 to a subscription to more, or longer, URIs than a session can subscribe to', async () => {
  const listen = (resourceSubscriptions: string[]) =>
    sendModern({ method: 'subscriptions/listen', params: { notifications: { resourceSubscriptions } } });
  const uris = Array.from({ length: 501 }, (_, index) => `urn:${index}`);
  const long = Array.from({ length: 33 }, (_, index) => `urn:${index}`.padEnd(2048, 'x'));
  for (const refused of [uris, [`urn:${'x'.repeat(2045)}`], long]) {
    const response = await listen(refused);
    assert.equal(response.status, 400);
    assert.equal((await answerOf(response)).error?.code, -32602);
  }
  const response = await listen(uris.slice(1));
  assert.equal(response.status, 200);
  await response.body?.cancel();
});

test('answers 503 to more subscriptions than MCP_MAX_SESSIONS, whoever has the others', async () => {
  const { app: listening } = sessionApp({ noop: () => null }, { MCP_MAX_SESSIONS: '1' });
  const { headers, body } = modernRequest('subscriptions/listen', LISTEN);
  const listen = (token: string) => listening.request('POST', { headers: { ...headers, ...bearer(token) }, body });
  const first = await listen('anna.1');
  const refused = await listen('ben.1');
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '10']);
  await first.body?.cancel();
  const again = await listen('ben.1');
  assert.equal(again.status, 200);
  await again.body?.cancel();
});

test('gives up a client that listens and does not read', async () => {
  const changes = createMemoryChangeLog();
  const { app: publishing } = sessionApp({ noop: () => null }, {}, { changes });
  const response = await publishing.request('POST', modernRequest('subscriptions/listen', LISTEN));
  const params = { _meta: { padding: 'x'.repeat(1024 * 1024) } };
  for (let change = 0; change < 8; change += 1) {
    changes.publish({ kind: 'tools_list_changed', params });
    await nextTurn();
  }
  await assert.rejects(response.text(), /too slow/);
});

test('answers 200 with -32602 to subscriptions/listen for nothing it knows', async () => {
  const response = await app.request('POST', modernRequest('subscriptions/listen', {}, { id: 'mine' }));
  assert.deepEqual([response.status, (await answerOf(response)).error?.code], [200, -32602]);
});

test('answers 406 with -32000 to subscriptions/listen for JSON', async () => {
  const { headers, body } = modernRequest('subscriptions/listen', LISTEN);
  const response = await app.request('POST', { headers: { ...headers, accept: 'application/json' }, body });
  await assertRefused(response, { status: 406, code: -32000 });
});

/** An app with a tool that tells of progress, if it has a token, and then waits for ever. */
function waitingApp() {
  const started = gate();
  let signal: AbortSignal | undefined;
  const { app: waiting } = sessionApp({
    wait: async ({ context: { mcpReq } }) => {
      ({ signal } = mcpReq);
      const progressToken = mcpReq._meta?.progressToken;
      if (progressToken)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      started.open();
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    },
  });
  return { app: waiting, started: started.opened, isCancelled: () => signal?.aborted };
}

test('cancels a call whose stream is closed', async () => {
  const { app: waiting, isCancelled } = waitingApp();
  const params = { name: 'wait', _meta: { progressToken: 1 } };
  const stream = readStream(await waiting.request('POST', modernRequest('tools/call', params)));
  await stream.next();
  assert.equal(isCancelled(), false);
  await stream.cancel();
  await settled();
  assert.equal(isCancelled(), true);
  // Nothing is left to wait for.
  assert.equal(await waiting.drain(), 0);
});

for (const accept of ['application/json, text/event-stream', 'application/json']) {
  for (const _meta of [{}, { progressToken: 1 }]) {
    const streaming = 'progressToken' in _meta ? 'with' : 'without';
    test(`cancels a call ${streaming} progress that is aborted before its answer, Accept: ${accept}`, async () => {
      const { app: waiting, started, isCancelled } = waitingApp();
      const abort = new AbortController();
      const request = modernRequest('tools/call', { name: 'wait', _meta }, { headers: { accept } });
      const response = waiting.request('POST', { ...request, signal: abort.signal });
      await started;
      abort.abort();
      await response;
      await settled();
      assert.equal(isCancelled(), true);
      assert.equal(await waiting.drain(), 0);
    });
  }
}
