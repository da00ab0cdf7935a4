import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerOf,
  messagesIn,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  modernRequest,
  openSession,
  rpc,
  sessionOf,
  testApp,
  URL_OF_APP,
} from '../support/app.ts';
import { assertRefused, type Refusal } from '../support/refusal.ts';
import { bearer, sessionApp } from '../support/session-app.ts';

const MAX_BODY_BYTES = 8192;
const { app } = sessionApp({ noop: () => null }, { MCP_MAX_BODY_BYTES: String(MAX_BODY_BYTES) });
const session = await openSession(app);
const ended = await openSession(app);
await ended.delete();
const alices = await openSession(app, bearer('alice'));

type Headers = Record<string, string>;
const ERAS: Record<string, Headers> = { legacy: session.headers, modern: modernRequest('ping').headers };
const UNKNOWN_VERSION = { 'mcp-protocol-version': '1999-01-01' };

function post(headers: Headers, body?: unknown): Promise<Response> {
  return app.request('POST', { headers, body });
}

/** POSTs a body without a length. */
async function postChunks(headers: Headers, chunks: AsyncIterable<Uint8Array>): Promise<Response> {
  const init = { method: 'POST', headers: { host: '127.0.0.1', ...headers }, body: ReadableStream.from(chunks) };
  return app.fetch(new Request(URL_OF_APP, { ...init, duplex: 'half' }));
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  for (const character of text) yield new TextEncoder().encode(character);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield* chunksOf('{"jsonrpc":');
  throw new Error('the client went away');
}

type Row = [what: string, send: (headers: Headers) => Promise<Response>, refusal: Refusal];
const NOT_JSON: Refusal = { status: 400, code: -32700 };
const NOT_RPC: Refusal = { status: 400, code: -32600 };
const TOO_LARGE: Refusal = { status: 413, code: -32000 };
const NO_METHOD: Refusal = { status: 405, code: -32000, headers: { allow: 'POST, GET, DELETE' } };
const CALL = rpc('tools/list', {}, 'mine');
const DEEP = JSON.stringify({ ...CALL, params: 'deep' }).replace(
  '"deep"',
  `{"x":${'['.repeat(200)}${']'.repeat(200)}}`,
);
const NOTIFICATION = { jsonrpc: '2.0', method: 'notifications/x' };
const notifications = (count: number) => Array.from({ length: count }, () => NOTIFICATION);

const REFUSED_IN_BOTH_ERAS: Row[] = [
  ['a body that is not JSON', (headers) => post(headers, '{'), NOT_JSON],
  ['an empty body', (headers) => post(headers, ''), NOT_JSON],
  ['a body that breaks off', (headers) => postChunks(headers, broken()), NOT_JSON],
  ['null', (headers) => post(headers, 'null'), NOT_RPC],
  ['a number', (headers) => post(headers, '5'), NOT_RPC],
  ['a string', (headers) => post(headers, '"tools/list"'), NOT_RPC],
  ['an object that is no message', (headers) => post(headers, '{}'), NOT_RPC],
  ['a message without a version', (headers) => post(headers, { ...CALL, jsonrpc: '1.0' }), { ...NOT_RPC, id: 'mine' }],
  [
    'a message with the key __proto__',
    (headers) => post(headers, JSON.stringify(CALL).replace('{', '{"__proto__":{"method":"ping"},')),
    { ...NOT_RPC, id: 'mine' },
  ],
  ['an empty batch', (headers) => post(headers, '[]'), NOT_RPC],
  ['a batch of 101 messages', (headers) => post(headers, notifications(101)), NOT_RPC],
  ['params 202 levels deep', (headers) => post(headers, DEEP), { ...NOT_RPC, id: 'mine' }],
  ['a batch of something else', (headers) => post(headers, '[1]'), NOT_RPC],
  [
    'a client that reads neither JSON nor events',
    (headers) => post({ ...headers, accept: 'text/html' }, CALL),
    { status: 406, code: -32000 },
  ],
  [
    'a body of another type',
    (headers) => post({ ...headers, 'content-type': 'text/plain' }, 'not JSON'),
    { status: 415, code: -32000 },
  ],
  [
    'a body without a type',
    (headers) => postChunks({ ...headers, 'content-type': '' }, chunksOf(JSON.stringify(CALL))),
    { status: 415, code: -32000 },
  ],
  ...['latin1', '"UTF-16"', 'utf-7'].map((charset): Row => [
    `a body in ${charset}`,
    (headers) => post({ ...headers, 'content-type': `application/json; charset=${charset}` }, CALL),
    { status: 415, code: -32000 },
  ]),
  ...['gzip', 'br', 'identity, gzip'].map((encoding): Row => [
    `a body in ${encoding}`,
    (headers) => post({ ...headers, 'content-encoding': encoding }, CALL),
    { status: 415, code: -32000 },
  ]),
  ['a body over the limit in bytes', (headers) => post(headers, JSON.stringify('ü'.repeat(5000))), TOO_LARGE],
  ['a length over the limit', (headers) => post({ ...headers, 'content-length': '8193' }, CALL), TOO_LARGE],
  ['chunks over the limit', (headers) => postChunks(headers, chunksOf('"'.padEnd(8193))), TOO_LARGE],
  ...['PUT', 'PATCH', 'OPTIONS'].map((method): Row => [
    method,
    (headers) => app.request(method, { headers }),
    NO_METHOD,
  ]),
];

for (const [era, headers] of Object.entries(ERAS)) {
  for (const [what, send, refusal] of REFUSED_IN_BOTH_ERAS) {
    test(`answers ${refusal.status} with ${refusal.code} to ${what} in the ${era} era`, async () => {
      await assertRefused(await send(headers), refusal);
    });
  }

  test(`answers 405 to HEAD in the ${era} era`, async () => {
    const response = await app.request('HEAD', { headers });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST, GET, DELETE']);
  });
}

const NO_SESSION: Refusal = { status: 400, code: -32600 };
const NOT_FOUND: Refusal = { status: 404, code: -32001 };

const REFUSED_LEGACY: Row[] = [
  ['a call without a session', () => post(JSON_HEADERS, CALL), { ...NO_SESSION, id: 'mine' }],
  ['GET without a session', () => app.request('GET', { headers: { accept: 'text/event-stream' } }), NO_SESSION],
  ['DELETE without a session', () => app.request('DELETE'), NO_SESSION],
  [
    'a call of a version it does not speak',
    (headers) => post({ ...headers, ...UNKNOWN_VERSION }, CALL),
    { status: 400, code: -32000 },
  ],
  ...['GET', 'DELETE'].map((method): Row => [
    `${method} of a version it does not speak`,
    (headers) => app.request(method, { headers: { ...headers, ...UNKNOWN_VERSION } }),
    { status: 400, code: -32000 },
  ]),
  [
    'an incomplete initialize',
    () => post(JSON_HEADERS, rpc('initialize', {}, 7)),
    { status: 400, code: -32602, id: 7 },
  ],
  ['initialize in a batch', () => post(JSON_HEADERS, [initializeRequest()]), NO_SESSION],
  ['initialize in a batch in a session', (headers) => post(headers, [initializeRequest(), CALL]), NOT_RPC],
  [
    'GET for JSON',
    (headers) => app.request('GET', { headers: { ...headers, accept: 'application/json' } }),
    { status: 406, code: -32000 },
  ],
  ...Object.entries({ unknown: 'no-such-session', ended: ended.id, 'somebody else’s': alices.id }).flatMap(
    ([which, id]): Row[] => {
      const other = sessionOf(app, id);
      return [
        [`a call in a session that is ${which}`, () => other.post(CALL), { ...NOT_FOUND, id: 'mine' }],
        [`GET in a session that is ${which}`, () => other.get(), NOT_FOUND],
        [`DELETE of a session that is ${which}`, () => other.delete(), NOT_FOUND],
      ];
    },
  ),
];

for (const [what, send, refusal] of REFUSED_LEGACY) {
  test(`answers ${refusal.status} with ${refusal.code} to ${what}`, async () => {
    const own = await openSession(app);
    await assertRefused(await send(own.headers), refusal);
    // The session still works.
    assert.equal((await own.post(CALL)).status, 200);
  });
}

test('serves a body that says it is in UTF-8, and not compressed', async () => {
  for (const type of ['application/json; charset=utf-8', 'application/json;charset="UTF8"', 'application/json; a=b']) {
    const headers = { ...session.headers, 'content-type': type, 'content-encoding': 'identity' };
    assert.equal((await app.request('POST', { headers, body: CALL })).status, 200, type);
  }
});

test('counts a header once that a client repeats with the same value, and refuses different ones', async () => {
  const { headers } = session;
  for (const [name, value] of Object.entries({ ...headers, 'mcp-protocol-version': LATEST_LEGACY })) {
    if (name === 'accept') continue;
    const repeated = { ...headers, [name]: `${value}, ${value}` };
    assert.equal((await app.request('POST', { headers: repeated, body: CALL })).status, 200, name);
    const different = { ...headers, [name]: `${value}, other` };
    assert.notEqual((await app.request('POST', { headers: different, body: CALL })).status, 200, name);
  }
  const modern = modernRequest('tools/list');
  const repeated = Object.fromEntries(
    Object.entries(modern.headers ?? {}).map(([name, value]) => [name, `${value}, ${value}`]),
  );
  const answer = await app.request('POST', {
    headers: { ...repeated, accept: JSON_HEADERS.accept },
    body: modern.body,
  });
  assert.equal(answer.status, 200);
});

test('answers 202 without a body to notifications and responses in a session, single or in a batch', async () => {
  const response = { jsonrpc: '2.0', id: 5, result: {} };
  for (const body of [NOTIFICATION, response, [NOTIFICATION, response], notifications(100)]) {
    const accepted = await session.post(body);
    assert.deepEqual([accepted.status, await accepted.text()], [202, '']);
  }
});

test('answers 200 to each call of a batch in one body', async () => {
  const calls = [rpc('ping'), rpc('no/such')];
  const response = await session.post([...calls, NOTIFICATION]);
  assert.equal(response.status, 200);
  const answered = messagesIn(await response.text()).map(({ id }) => id);
  assert.deepEqual(new Set(answered), new Set(calls.map(({ id }) => id)));
  assert.equal(answered.length, 2);
});

test('answers 200 with -32601 to an unknown method, and with -32602 to an unknown tool, in a session', async () => {
  for (const [method, code] of [
    ['no/such', -32601],
    ['__proto__', -32601],
    ['tools/call', -32602],
  ] as const) {
    for (const name of ['nothing', '__proto__', 'constructor']) {
      const response = await session.post(rpc(method, { name, arguments: {} }));
      assert.deepEqual([response.status, (await answerOf(response)).error?.code], [200, code]);
    }
  }
});

test('takes arguments named __proto__ and constructor for what they are, no more', async () => {
  const call = JSON.stringify(rpc('tools/call', { name: 'echo', arguments: { text: 'A B', x: 1 } }));
  const echo = await openSession(testApp());
  const answer = await answerOf(await echo.post(call.replace('"x":1', '"__proto__":{"suffix":"_"},"constructor":{}')));
  assert.deepEqual(answer.result?.structuredContent, { echo: 'A B' });
  assert.equal(({} as { suffix?: string }).suffix, undefined);
});

test('answers 200 to a chunked body within the limit', async () => {
  const response = await postChunks(session.headers, chunksOf(JSON.stringify(CALL)));
  assert.equal(response.status, 200);
  assert.equal((await answerOf(response)).id, 'mine');
});

test('reads no more of a body than the limit', async () => {
  let sent = 0;
  async function* endless() {
    for (;;) {
      sent += 512;
      yield new Uint8Array(512);
    }
  }
  await assertRefused(await postChunks(session.headers, endless()), TOO_LARGE);
  assert.ok(sent <= MAX_BODY_BYTES + 4 * 512, `${sent} bytes`);
});
