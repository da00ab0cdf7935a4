import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCEPT_BOTH, asAccepted, readAccept } from '../../src/protocol/accept.ts';
import {
  eventsIn,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  modernRequest,
  openSession,
  rpc,
  testApp,
} from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';

const BOTH = { json: true, eventStream: true };
const JSON_ONLY = { json: true, eventStream: false };
const STREAM_ONLY = { json: false, eventStream: true };
const NEITHER = { json: false, eventStream: false };

const HEADERS: [header: string | null, accepted: typeof BOTH][] = [
  [null, BOTH],
  [' ', BOTH],
  [ACCEPT_BOTH, BOTH],
  ['text/event-stream,application/json', BOTH],
  ['*/*', BOTH],
  ['text/html, */*;q=0.1', BOTH],
  ['application/json', JSON_ONLY],
  ['Application/JSON; charset=utf-8', JSON_ONLY],
  ['application/*', JSON_ONLY],
  ['application/json, */*;q=0', JSON_ONLY],
  ['*/*, text/event-stream;q=0', JSON_ONLY],
  ['text/event-stream', STREAM_ONLY],
  ['text/*', STREAM_ONLY],
  ['application/json;q=0, text/event-stream', STREAM_ONLY],
  ['application/*;q=0, */*', STREAM_ONLY],
  ['text/html', NEITHER],
  ['text/html, application/xml', NEITHER],
  ['application/json;q=0', NEITHER],
  ['application/json;q=0, text/event-stream;q=0.0', NEITHER],
  ['*/*;q=0', NEITHER],
  ['application/jsonx', NEITHER],
  [',;', NEITHER],
];

for (const [header, accepted] of HEADERS) {
  test(`reads Accept: ${header ?? '(none)'} as ${JSON.stringify(accepted)}`, () => {
    assert.deepEqual(readAccept(header), accepted);
  });

  const types = [accepted.json && 'JSON', accepted.eventStream && 'an event stream'].filter(Boolean).join(' or ');
  const title = types === '' ? 'answers 406 with -32000 to' : `answers 200 with ${types} to`;
  for (const era of ['legacy', 'modern'] as const) {
    test(`${title} Accept: ${header ?? '(none)'} in the ${era} era`, async () => {
      const app = testApp();
      const { headers: sent, body } =
        era === 'legacy'
          ? { headers: (await openSession(app)).headers, body: rpc('tools/list') }
          : modernRequest('tools/list');
      const { accept: _, ...headers } = sent;
      const response = await app.request('POST', {
        headers: header === null ? headers : { ...headers, accept: header },
        body,
      });
      if (types === '') {
        await assertRefused(response, { status: 406, code: -32000 });
        return;
      }
      assert.equal(response.status, 200);
      const isStream = response.headers.get('content-type') === 'text/event-stream';
      assert.ok(isStream ? accepted.eventStream : accepted.json, `${response.headers.get('content-type')}`);
      const text = await response.text();
      const answer: unknown = isStream ? eventsIn(text).at(-1)?.message : JSON.parse(text);
      const { id, result } = answer as { id: unknown; result: { tools: unknown[] } };
      assert.deepEqual([id, result.tools.length], [body.id, 2]);
    });
  }
}

test('serves a session whose client reads only JSON, from initialize to DELETE', async () => {
  const app = testApp();
  const headers = { ...JSON_HEADERS, accept: 'application/json' };
  const opened = await app.request('POST', { headers, body: initializeRequest() });
  assert.equal(opened.headers.get('content-type'), 'application/json');
  assert.equal(
    ((await opened.json()) as { result: { protocolVersion: string } }).result.protocolVersion,
    LATEST_LEGACY,
  );
  const session = { ...headers, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };

  const call = rpc('tools/call', { name: 'echo', arguments: { text: 'A B' } });
  const answer = await app.request('POST', { headers: session, body: call });
  assert.equal(answer.status, 200);
  for (const name of ['connection', 'cache-control', 'x-accel-buffering']) assert.equal(answer.headers.get(name), null);
  assert.equal(((await answer.json()) as { id: unknown }).id, call.id);

  const stream = await app.request('GET', { headers: session });
  await assertRefused(stream, { status: 406, code: -32000 });
  assert.equal((await app.request('DELETE', { headers: session })).status, 204);
});

test('turns progress and an answer into one JSON body, for a client that does not read streams', async () => {
  const params = { name: 'count', arguments: { to: 2 }, _meta: { progressToken: 1 } };
  const { headers, body } = modernRequest('tools/call', params, { headers: { accept: 'application/json' } });
  const response = await testApp().request('POST', { headers, body });
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(((await response.json()) as { id: unknown }).id, body.id);
});

test('answers a batch with a JSON array, even a batch of one', async () => {
  const session = await openSession(testApp());
  const batch = [rpc('ping'), rpc('tools/list')];
  for (const messages of [batch, batch.slice(0, 1)]) {
    const response = await session.post(messages, { accept: 'application/json' });
    const answers = (await response.json()) as { id: number }[];
    assert.deepEqual(
      answers.map(({ id }) => id).toSorted((a, b) => a - b),
      messages.map(({ id }) => id),
    );
  }
});

test('leaves errors and empty answers as they are, whatever is accepted', async () => {
  for (const response of [Response.json({}, { status: 404 }), new Response(null, { status: 202 })])
    assert.equal(await asAccepted(response, STREAM_ONLY), response);
});

test('answers 500 with -32603 where a stream ends without an answer', async () => {
  const stream = new Response(': nothing\n\n', { headers: { 'content-type': 'text/event-stream' } });
  await assertRefused(await asAccepted(stream, JSON_ONLY), { status: 500, code: -32603 });
});

test('reassembles events that arrive in pieces, whatever characters they contain', async () => {
  const bytes = new TextEncoder().encode('id: 1\ndata: \n\nevent: message\ndata: {"id":1,"result":"größer\u2028"}\n\n');
  const body = ReadableStream.from([...bytes].map((byte) => Uint8Array.of(byte)));
  const stream = new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  assert.deepEqual(await (await asAccepted(stream, JSON_ONLY)).json(), { id: 1, result: 'größer\u2028' });
});
