/** Hostile bodies. `test/endpoint/mcp-endpoint.test.ts` has what else the SDK and the endpoint refuse. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  JSON_HEADERS,
  MODERN,
  eventsIn,
  initializeRequest,
  modernRequest,
  rpc,
  type RpcAnswer,
} from '../support/app.ts';
import { startWire, type WireSession } from '../support/wire.ts';
import { answerFrom, assertAnswer } from './answer.ts';

const wire = await startWire();
let session: WireSession;
before(async () => {
  await wire.rememberWhatIsThere();
  session = await wire.openSession();
});
after(() => wire.close());

const MAX_DEPTH = 200;
const MEGABYTE = 'x'.repeat(1024 * 1024);
const HOLE = '"@"';

/** The message as JSON, with `filling`, which is JSON too, in place of the hole. */
function fill(message: unknown, filling: string): string {
  return JSON.stringify(message).replace(HOLE, () => filling);
}

function nested(levels: number, open = '[', close = ']'): string {
  return `${open.repeat(levels)}1${close.repeat(levels)}`;
}

function keys(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, {}])));
}

type Send = (body: string | Uint8Array) => Promise<Response>;
const inSession: Send = async (body) => wire.fetch('POST', session.headers, body);
const withoutSession: Send = (body) => wire.fetch('POST', JSON_HEADERS, body);
const modern =
  (method: string, name?: string): Send =>
  (body) =>
    wire.fetch('POST', modernRequest(method, name === undefined ? {} : { name }).headers, body);

/** Messages with a hole, the level that it is at, and how to send them. */
const call = { name: 'echo', arguments: { text: 'a', more: '@' } };
const subscribe = rpc('resources/subscribe', { uri: '@' });
const HOLES: [where: string, message: unknown, level: number, send: Send][] = [
  ['the experimental capabilities', initializeRequest({ experimental: { x: { y: '@' } } }), 5, withoutSession],
  ['a capability that there is not', initializeRequest({ x: '@' }), 3, withoutSession],
  ['the arguments of a call', rpc('tools/call', call), 3, inSession],
  ['the _meta of a call', rpc('tools/list', { _meta: { x: '@' } }), 3, inSession],
  ['a URI', subscribe, 2, inSession],
  ['an answer', { jsonrpc: '2.0', id: 1, result: { x: '@' } }, 2, inSession],
  ['the data of an error', { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x', data: '@' } }, 2, inSession],
  ['a notification', { jsonrpc: '2.0', method: 'notifications/x', params: { x: '@' } }, 2, inSession],
  ['a batch', [rpc('tools/list', { x: '@' })], 3, inSession],
  ['the arguments of a modern call', modernRequest('tools/call', call).body, 3, modern('tools/call', 'echo')],
  [
    'modern capabilities',
    modernRequest('tools/list', {}, { capabilities: { experimental: { x: { y: '@' } } } }).body,
    6,
    modern('tools/list'),
  ],
  [
    'a modern subscription',
    modernRequest('subscriptions/listen', { notifications: { x: '@' } }).body,
    3,
    modern('subscriptions/listen'),
  ],
];

async function answerTo(sent: Promise<Response>) {
  const answer = await answerFrom(await sent, () => wire.assertWell());
  assertAnswer(answer, [200, 202, 400, 413]);
  return answer;
}

/** The code of the error in an answer of either type; `undefined` if there is none. */
function codeIn({ contentType, body }: { contentType: string; body: string }): number | undefined {
  if (body === '') return undefined;
  const messages = contentType.startsWith('application/json')
    ? [JSON.parse(body)]
    : eventsIn(body).map(({ message }) => message);
  return (messages as (RpcAnswer | undefined)[]).find((message) => message?.error)?.error?.code;
}

for (const [where, message, level, send] of HOLES) {
  test(`takes ${MAX_DEPTH} levels and answers 400 with -32600 to more in ${where}`, async () => {
    const taken = await answerTo(send(fill(message, nested(MAX_DEPTH - level))));
    assert.ok(taken.status < 400, taken.body);
    for (const levels of [MAX_DEPTH - level + 1, 20_000]) {
      const refused = await answerTo(send(fill(message, nested(levels))));
      assert.deepEqual([refused.status, codeIn(refused)], [400, -32600], refused.body);
    }
    await wire.assertWell();
  });
}

const utf8 = (text: string, ...bytes: number[]) => {
  const [before_ = '', after_ = ''] = text.split('@');
  return Buffer.concat([Buffer.from(before_), Buffer.from(bytes), Buffer.from(after_)]);
};
const batchOf = (count: number, message: unknown) => JSON.stringify(Array.from({ length: count }, () => message));
const echo = JSON.stringify(rpc('tools/call', { name: 'echo', arguments: { text: '@' } }, 'mine'));
const withId = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`;
const NOTE = { jsonrpc: '2.0', method: 'notifications/initialized' };
const RESPONSE = { jsonrpc: '2.0', id: 'never asked', result: {} };

const BODIES: [what: string, body: string | Uint8Array, status: number, code?: number][] = [
  ['a hundred thousand lists in each other', nested(100_000), 400, -32600],
  ['a hundred thousand objects in each other', nested(100_000, '{"a":', '}'), 400, -32600],
  ['a hundred thousand brackets that nothing closes', '['.repeat(100_000), 400, -32700],
  ['two million lists in each other', nested(2_000_000), 400, -32600],
  ['a hundred thousand keys', fill(rpc('tools/call', call), keys(100_000)), 400, -32600],
  ['a batch of 100', JSON.stringify(Array.from({ length: 100 }, (_, id) => rpc('ping', {}, id))), 200],
  ['a batch of 101', batchOf(101, rpc('ping', {}, 1)), 400, -32600],
  ['a batch of 50,000', batchOf(50_000, NOTE), 400, -32600],
  ['a batch of answers', JSON.stringify([RESPONSE, { ...RESPONSE, id: 2 }]), 202],
  ['a batch of each kind', JSON.stringify([rpc('ping', {}, 'a'), NOTE, RESPONSE, rpc('ping', {}, 'b')]), 200],
  ['a batch with one bad message', JSON.stringify([rpc('ping'), { ...NOTE, jsonrpc: '1.0' }]), 400, -32600],
  ['a batch of two requests with one id', batchOf(2, rpc('ping', {}, 'same')), 400, -32600],
  ['a batch in a batch', JSON.stringify([[rpc('ping')]]), 400, -32600],
  ['an id of a megabyte', withId(`"${MEGABYTE}"`), 400, -32600],
  ['an id of 1024 characters', withId(`"${'x'.repeat(1024)}"`), 200],
  ['the id 2^53', withId('9007199254740992'), 400, -32600],
  ['the id 1e999', withId('1e999'), 400, -32600],
  ['the id 1.5', withId('1.5'), 400, -32600],
  ['the id null', withId('null'), 400, -32600],
  ['the id __proto__', withId('"__proto__"'), 200],
  ['a number of a million digits', withId('1'.repeat(1_000_000)), 400, -32600],
  ['the method __proto__', JSON.stringify(rpc('__proto__')), 200, -32601],
  ['the method constructor', JSON.stringify(rpc('constructor')), 200, -32601],
  ['a method of a megabyte', JSON.stringify(rpc(MEGABYTE)), 200, -32601],
  ['the tool __proto__', JSON.stringify(rpc('tools/call', { name: '__proto__' })), 200, -32602],
  ['the tool constructor', JSON.stringify(rpc('tools/call', { name: 'constructor' })), 200, -32602],
  ['the argument __proto__', echo.replace('{"text"', '{"__proto__":{"suffix":"_"},"text"'), 200],
  ['the key constructor', echo.replace('{', '{"constructor":{"prototype":{"x":1}},'), 400, -32600],
  ['the key __proto__', echo.replace('{', '{"__proto__":{"method":"initialize"},'), 400, -32600],
  ['the key method twice', echo.replace('{', '{"method":"initialize",'), 200],
  ['a URI that cannot be made a string', fill(subscribe, '{"toString":1,"valueOf":null}'), 200, -32601],
  ['a URI of a megabyte', fill(subscribe, `"${MEGABYTE}"`), 400, -32602],
  ['bytes that are not UTF-8', utf8(echo, 0xff, 0xfe, 0x41), 400, -32700],
  ['a character cut off', utf8(echo, 0xf0, 0x9f), 400, -32700],
  ['half of a surrogate pair', echo.replace('@', 'a\\ud800'), 200],
  ['a byte order mark', `\ufeff${echo.replace('@', 'a')}`, 200],
  ['UTF-16', Buffer.from(echo, 'utf16le'), 400, -32700],
  ['a NUL in a string', echo.replace('@', '\0'), 400, -32700],
  ['a NUL behind the message', `${echo.replace('@', 'a')}\0`, 400, -32700],
  ['two messages', echo.replace('@', 'a').repeat(2), 400, -32700],
  ['a message that breaks off', echo.slice(0, -1), 400, -32700],
];

for (const [what, body, status, code] of BODIES) {
  test(`answers ${status}${code === undefined ? '' : ` with ${code}`} to ${what}`, async () => {
    const answer = await answerTo(inSession(body));
    assert.deepEqual([answer.status, codeIn(answer)], [status, code], answer.body.slice(0, 1000));
    await wire.assertWell();
  });
}

/** Thousands of nested values, which are cheap to send and expensive to check. */
const MANY = keys(2001);
const MANY_PLACES: [where: string, message: unknown, send: Send][] = [
  ['a capability', initializeRequest({ elicitation: { form: '@' } }), withoutSession],
  ['the _meta of initialize', rpc('initialize', { ...initializeRequest().params, _meta: '@' }), withoutSession],
  ['the _meta of a call', rpc('tools/list', { _meta: '@' }), inSession],
  ['the _meta of a notification', { ...NOTE, params: { _meta: '@' } }, inSession],
  ['two messages of a batch', [1, 2].map((id) => rpc('tools/list', { x: Array(1001).fill(0) }, id)), inSession],
  ['modern capabilities', modernRequest('tools/list', {}, { capabilities: { x: '@' } }).body, modern('tools/list')],
  [
    'a modern subscription',
    modernRequest('subscriptions/listen', { notifications: { resourceSubscriptions: '@' } }).body,
    modern('subscriptions/listen'),
  ],
];

for (const [where, message, send] of MANY_PLACES) {
  test(`answers 400 with -32600 to thousands of values in ${where}`, async () => {
    const refused = await answerTo(send(fill(message, MANY)));
    assert.deepEqual([refused.status, codeIn(refused)], [400, -32600], refused.body);
    await wire.assertWell();
  });
}

test('takes thousands of values in the arguments of a call', async () => {
  for (const [message, send] of [
    [rpc('tools/call', call), inSession],
    [modernRequest('tools/call', call).body, modern('tools/call', 'echo')],
  ] as const) {
    assert.equal((await answerTo(send(fill(message, MANY)))).status, 200);
  }
});

test('counts the messages of a batch before it looks at any', async () => {
  const { body } = await answerTo(inSession(batchOf(101, { ...NOTE, jsonrpc: '1.0' })));
  assert.match(body, /at most 100 messages/);
});

const HEADERS: [what: string, headers: Record<string, string>, status: number, code: number][] = [
  ['Mcp-Name in broken Base64', { 'mcp-name': '=?base64?!!!?=' }, 400, -32020],
  ['Mcp-Name in Base64 of what is no UTF-8', { 'mcp-name': '=?base64?/////w==?=' }, 400, -32020],
  ['Mcp-Name beyond ASCII', { 'mcp-name': '\xff' }, 400, -32020],
  ['a version of 8 kB', { 'mcp-protocol-version': MODERN.repeat(800) }, 400, -32020],
  ['a method of 8 kB', { 'mcp-method': 'x'.repeat(8000) }, 400, -32020],
];

for (const [what, more, status, code] of HEADERS) {
  test(`answers ${status} with ${code} to ${what}`, async () => {
    const { headers, body } = modernRequest('tools/call', { name: 'echo', arguments: { text: 'a' } });
    const answer = await answerTo(wire.fetch('POST', { ...headers, ...more }, body));
    assert.deepEqual([answer.status, codeIn(answer)], [status, code]);
    await wire.assertWell();
  });
}

test('leaves nothing behind', () => wire.assertNothingLeft());
