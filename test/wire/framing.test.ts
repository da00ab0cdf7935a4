/** Where a request begins, ends and goes to: told twice, wrongly or not at all. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { modernRequest } from '../support/app.ts';
import { startWire } from '../support/wire.ts';
import { assertAnswer } from './answer.ts';
import { LAST, chunked, exchange, linesOf, rawRequest, type Bytes, type RawRequest } from './raw-http.ts';

const wire = await startWire();
before(() => wire.rememberWhatIsThere());
after(() => wire.close());

const call = modernRequest('tools/call', { name: 'echo', arguments: { text: 'Hello World' } });
const BODY = JSON.stringify(call.body);
const CHUNKS = chunked(BODY);
const TE = 'Transfer-Encoding: chunked';
const CL = `Content-Length: ${BODY.length}`;

/** A valid call, except for the given parts. */
function callWith({ headers = [], ...parts }: RawRequest = {}): string {
  return rawRequest({ body: BODY, ...parts, headers: [...linesOf(call.headers), ...headers] });
}
const withHeader = (...headers: string[]) => callWith({ headers });
const withFraming = (...framing: string[]) => callWith({ framing: framing.join('\r\n'), body: CHUNKS });
const withChunks = (body: string) => callWith({ framing: TE, body });
const withLength = (value: string) => callWith({ framing: `Content-Length: ${value}` });
const withHost = (...hosts: string[]) => callWith({ host: hosts.map((host) => `Host: ${host}`).join('\r\n') });
const withTarget = (target: string, host = '127.0.0.1') =>
  callWith({ line: `POST ${target} HTTP/1.1`, host: `Host: ${host}` });

async function send(bytes: Bytes) {
  const pieces = [bytes, LAST].map((piece) => Buffer.from(piece));
  const done = await exchange(wire.port, { pieces: [Buffer.concat(pieces)], pause: () => wire.assertWell() });
  assert.equal(done.rest.length, 0, 'there is nothing beside the answers');
  await wire.assertWell();
  return done.answers;
}

/** Refused by Node.js before the app sees them, with an empty body; the connection ends. */
const REFUSED: [what: string, bytes: Bytes, status?: number][] = [
  ['a length and chunks', withFraming(CL, TE)],
  ['chunks and a length', withFraming(TE, CL)],
  ['chunks declared twice', withFraming(TE, TE)],
  ['chunks declared twice in one line', withFraming('Transfer-Encoding: chunked, chunked')],
  ['chunks that are not the last coding', withFraming('Transfer-Encoding: chunked, gzip')],
  ['another coding', withFraming('Transfer-Encoding: identity')],
  ['a coding that looks like chunked', withFraming('Transfer-Encoding: xchunked')],
  ['a coding behind a vertical tab', withFraming('Transfer-Encoding: \vchunked')],
  ['a coding in quotes', withFraming('Transfer-Encoding: "chunked"')],
  ['a space before the colon', withFraming('Transfer-Encoding : chunked')],
  ['chunks in HTTP/1.0', callWith({ line: 'POST /mcp HTTP/1.0', framing: TE, body: CHUNKS })],
  ['two lengths', callWith({ headers: ['Content-Length: 1'] })],
  ['the same length twice', callWith({ headers: [CL] })],
  ['a list of lengths', withLength(`${BODY.length}, ${BODY.length}`)],
  ...['', '+5', '-1', '0x5', '5 5', '1e2', '5_0', '5;', '٥', '18446744073709551621'].map((value): [string, string] => [
    `the length "${value}"`,
    withLength(value),
  ]),
  ['a length that ends too early', withLength(String(BODY.length - 5))],
  ['a folded header line', withHeader('X-A: b\r\n c')],
  ['a folded line that names a length', withHeader('X-A: b\r\n Content-Length: 5')],
  ['a space before the first header', callWith({ host: ' Host: 127.0.0.1' })],
  ['lines that end with LF only', callWith().replaceAll('\r\n', '\n')],
  ['one line that ends with LF only', withHeader('X-A: b\nX-B: c')],
  ['a CR within a value', withHeader('X-A: b\rX-B: c')],
  ['a NUL within a value', withHeader('X-A: b\0c')],
  ['a NUL within a name', withHeader('X-\0A: b')],
  ['a DEL within a value', withHeader('X-A: b\x7fc')],
  ['a header without a colon', withHeader('X-A')],
  ['a header without a name', withHeader(': b')],
  ['10,000 headers', withHeader(...Array.from({ length: 10_000 }, () => 'X-A: b')), 431],
  ['a header of 20 kB', withHeader(`X-A: ${'b'.repeat(20_000)}`), 431],
  ['a target of 20 kB', withTarget(`/mcp?${'a'.repeat(20_000)}`), 431],
  ...['zz', '-1', '0x5', 'fffffffffffffffff', '', ' 5', '5 '].map((size): [string, string] => [
    `a chunk of the size "${size}"`,
    withChunks(`${size}\r\nabcde\r\n0\r\n\r\n`),
  ]),
  ['chunks whose lines end with LF only', withChunks(CHUNKS.replaceAll('\r\n', '\n'))],
  ['a chunk longer than its size', withChunks(CHUNKS.replace('\r\n0', 'x\r\n0'))],
  ['an LF in a chunk extension', withChunks(chunked(BODY, BODY.length, ';\n'))],
  ['a chunk extension of 20 kB', withChunks(chunked(BODY, BODY.length, `;a=${'b'.repeat(20_000)}`)), 413],
  ['a length among the trailers', withChunks(CHUNKS.replace(/\r\n$/, 'Content-Length: 4\r\n\r\n'))],
  ['no Host', callWith({ host: '' })],
  ['a method in lower case', callWith({ line: 'post /mcp HTTP/1.1' })],
  ['a method that there is not', callWith({ line: 'HACK /mcp HTTP/1.1' })],
  ['a target with a space', withTarget('/m cp')],
  ['a target in UTF-8', withTarget('/mcpé')],
  ['a version that there is not', callWith({ line: 'POST /mcp HTTP/1.2' })],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['the beginning of TLS', Buffer.from('16030100a5010000a10303', 'hex')],
];

for (const [what, bytes, status = 400] of REFUSED) {
  test(`answers ${status} to ${what}, and ends the connection`, async () => {
    const answers = await send(bytes);
    assert.deepEqual(
      answers.map((answer) => [answer.status, answer.body]),
      [[status, '']],
    );
  });
}

const MANY_HEADERS = Array.from({ length: 3000 }, () => 'a:b');

/** Answered, like the next request on the connection. */
const ANSWERED: [what: string, bytes: Bytes, status: number][] = [
  ['a call', callWith(), 200],
  ['a call in chunks', withFraming(TE), 200],
  ['a call in chunks of one byte', withChunks(chunked(BODY, 1)), 200],
  ['chunks with extensions', withChunks(chunked(BODY, 9, ';a=b;c="d"')), 200],
  ['a coding in capitals', withFraming('Transfer-Encoding: CHUNKED'), 200],
  ['empty lines before the request', `\r\n\r\n${callWith()}`, 200],
  ['bytes above ASCII in a value', Buffer.from(withHeader('X-A: \xff\x80'), 'latin1'), 200],
  ['3,000 headers, the last of them Host', callWith({ host: [...MANY_HEADERS, 'Host: 127.0.0.1'].join('\r\n') }), 200],
  ['3,000 headers, the last of them a foreign Origin', withHeader(...MANY_HEADERS, 'Origin: http://evil.example'), 403],
  ['an expectation that can be met', withHeader('Expect: 100-continue'), 200],
  ['an expectation that cannot', withHeader('Expect: the unexpected'), 417],
  ['an empty Host', withHost(''), 403],
  ['a foreign Host', withHost('evil.example'), 403],
  ['two Hosts', withHost('127.0.0.1', 'evil.example'), 403],
  ['two Hosts, the foreign one first', withHost('evil.example', '127.0.0.1'), 403],
  ['a Host that is nearly an address', withHost('127.0.0.0.1'), 403],
  ['a Host that only begins as ours', withHost('127.0.0.1.evil.example'), 403],
  ...['user@127.0.0.1', '127.0.0.1/', '127.0.0.1#', '127.0.0.1?', '127.0.0.1:x', 'a b', '127.0.0.1, evil.example'].map(
    (host): [string, string, number] => [`the Host "${host}"`, withHost(host), 400],
  ),
  ['a target with our own host', withTarget('http://127.0.0.1/mcp'), 200],
  ['a target with a foreign host', withTarget('http://evil.example/mcp'), 403],
  ['a target with our own host and a foreign Host', withTarget('http://127.0.0.1/mcp', 'evil.example'), 403],
  ['a target with credentials', withTarget('http://user:password@127.0.0.1/mcp'), 403],
  ['a target of another scheme', withTarget('ftp://127.0.0.1/mcp'), 400],
  ['a target that is no URL', withTarget('http://[::/mcp'), 400],
  ['a target that is a host', withTarget('//evil.example/mcp'), 404],
  ['a target with a NUL', withTarget('/mcp%00'), 404],
  ['a target that is no UTF-8', withTarget('/mcp%ff'), 404],
  ['a target with a backslash', withTarget('/mcp\\'), 400],
  ['the target *', withTarget('*'), 400],
  ...['TRACE', 'PUT', 'PROPFIND', 'QUERY'].map((method): [string, string, number] => [
    `${method} with a body`,
    callWith({ line: `${method} /mcp HTTP/1.1` }),
    405,
  ]),
  ['GET with a body', callWith({ line: 'GET /mcp HTTP/1.1' }), 400],
  ['a length over the limit, and the body', callWith({ body: 'x'.repeat(4 * 1024 * 1024 + 1) }), 413],
  ['chunks over the limit', withChunks(chunked('x'.repeat(4 * 1024 * 1024 + 1), 1024 * 1024)), 413],
];

for (const [what, bytes, status] of ANSWERED) {
  test(`answers ${status} to ${what}, and goes on`, async () => {
    const answers = await send(bytes);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [status, 200],
    );
    const [{ body, headers } = { body: '', headers: new Map<string, string>() }] = answers;
    assertAnswer({ status, body, contentType: headers.get('content-type') ?? '' }, [status]);
  });
}

test('answers 403 to HTTP/1.0 without a Host', async () => {
  const [answer, ...more] = await send(callWith({ line: 'POST /mcp HTTP/1.0', host: '' }));
  assert.deepEqual([answer?.status, more], [403, []]);
});

test('does not serve as a tunnel', async () => {
  assert.deepEqual(await send('CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n'), []);
});

test('leaves nothing behind', () => wire.assertNothingLeft());
