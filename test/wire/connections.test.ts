/** Connections that break off, say nothing, take nothing, or ask for everything at once. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { JSON_HEADERS, eventsIn, initializeRequest, modernRequest, rpc } from '../support/app.ts';
import { reached, startWire, type WireSession } from '../support/wire.ts';
import { LAST, exchange, linesOf, rawRequest, type ExchangeOptions } from './raw-http.ts';

const wire = await startWire();
let session: WireSession;
before(() => wire.rememberWhatIsThere());
beforeEach(async () => {
  session = await wire.openSession();
});
after(() => wire.close());

/** Waits for an answer to the bystander after each piece: by then, everything sent before has been read. */
function converse(options: Omit<ExchangeOptions, 'pause'>) {
  return exchange(wire.port, { ...options, pause: () => wire.assertWell() });
}

function post(headers: Record<string, string>, body: unknown): string {
  return rawRequest({ headers: linesOf(headers), body: JSON.stringify(body) });
}

function callOf(text: string) {
  const { headers, body } = modernRequest('tools/call', { name: 'echo', arguments: { text } }, { id: text });
  return post(headers, body);
}

/** A call that sends `events` progress notifications of `bytes` each. */
function talkativeCall(events: number, bytes: number) {
  const params = { name: 'count', arguments: { to: events, chars: bytes }, _meta: { progressToken: 'token' } };
  return rpc('tools/call', params, 'talkative');
}

const CALL = callOf('a');
const MIDDLE = CALL.indexOf('\r\n\r\n') + 40;

for (const [what, cut] of [
  ['the connection', 0],
  ['the request line', 7],
  ['the headers', 60],
  ['the headers, after their end', CALL.indexOf('\r\n\r\n') + 4],
  ['the body', MIDDLE],
] as const) {
  test(`answers 400 or nothing to a client that finishes within ${what}`, async () => {
    const { answers, closedByServer } = await converse({ pieces: [CALL.slice(0, cut)], end: 'finish' });
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      cut === 0 ? [] : [[400, '']],
    );
    assert.ok(closedByServer);
  });

  test(`bears with a client that resets within ${what}`, async () => {
    const { answers } = await converse({ pieces: [CALL.slice(0, cut)], end: 'reset' });
    assert.deepEqual(answers, []);
    await reached(async () => (await wire.sockets()) === 0);
  });
}

test('answers 200 to a request that comes in small pieces, while others are served', async () => {
  const bytes = CALL + LAST;
  const pieces = Array.from({ length: Math.ceil(bytes.length / 50) }, (_, at) => bytes.slice(at * 50, at * 50 + 50));
  const { answers } = await converse({ pieces });
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
});

test('ends the connection after a stream too, where the client asks for that', async () => {
  const modern = modernRequest('tools/call', { ...talkativeCall(2, 1).params });
  for (const { headers, body } of [{ headers: session.headers, body: talkativeCall(2, 1) }, modern]) {
    const { answers } = await converse({ pieces: [post({ ...headers, connection: 'close' }, body)] });
    const found = answers.map((answer) => [
      answer.status,
      answer.headers.get('content-type'),
      answer.headers.get('connection'),
    ]);
    assert.deepEqual(found, [[200, 'text/event-stream', 'close']]);
  }
});

test('answers 413 to a length over the limit before the body comes', async () => {
  const framing = `Content-Length: ${2 ** 53}`;
  const { answers } = await converse({ pieces: [rawRequest({ headers: linesOf(JSON_HEADERS), framing })], answers: 1 });
  assert.deepEqual(
    answers.map(({ status }) => status),
    [413],
  );
});

test('answers pipelined calls one by one, in their order', async () => {
  const texts = Array.from({ length: 20 }, (_, index) => `call ${index}`);
  const { answers } = await converse({ pieces: [texts.map(callOf).join('') + LAST] });
  assert.equal(answers.pop()?.body, 'ok');
  assert.deepEqual(
    answers.map(({ body }) => JSON.parse(body).id),
    texts,
  );
});

test('answers 404 to hundreds of sessions that there are not', async () => {
  const methods = ['POST', 'GET', 'DELETE'];
  const requests = Array.from({ length: 300 }, (_, index) => {
    const id = index % 2 === 0 ? index.toString(16).padStart(32, '0') : `${session.id.slice(0, -4)}${index}`;
    const headers = linesOf({ ...session.headers, 'mcp-session-id': id });
    return rawRequest({ line: `${methods[index % 3]} /mcp HTTP/1.1`, headers, body: JSON.stringify(rpc('ping')) });
  });
  const { answers } = await converse({ pieces: [requests.join('') + LAST] });
  assert.deepEqual(answers.pop()?.status, 200);
  assert.equal(answers.length, requests.length);
  for (const { status, body } of answers) assert.deepEqual([status, JSON.parse(body).error.code], [404, -32001]);
});

test('keeps no more sessions than it may, however many are opened', async () => {
  const opened = Array.from({ length: 50 }, () => post(JSON_HEADERS, initializeRequest()));
  const small = await startWire({ MCP_MAX_SESSIONS: '10' });
  await small.rememberWhatIsThere();
  const { answers } = await exchange(small.port, { pieces: [opened.join('') + LAST], pause: () => small.assertWell() });
  assert.equal(answers.length, opened.length + 1);
  assert.ok(answers.every(({ status }) => status === 200));
  await small.assertNothingLeft();
  await small.close();
});

test('keeps of a session about as much as its handshake has text, whatever it is made of', async () => {
  const count = 60;
  const opening = initializeRequest({ x: Array.from({ length: 1900 }, () => ({})) });
  const limit = 3 * count * JSON.stringify(opening).length;
  const bytesBefore = await wire.heapAtRest();
  const { answers } = await converse({ pieces: [post(JSON_HEADERS, opening).repeat(count) + LAST] });
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const growth = (await wire.heapAtRest()) - bytesBefore;
  assert.ok(growth < limit, `${count} sessions take ${growth} bytes, which is more than ${limit}`);
});

test('gives up a client that takes nothing of what it asked for', async () => {
  const socket = connect(wire.port, '127.0.0.1').on('error', () => {});
  socket.pause();
  socket.write(post(session.headers, talkativeCall(40, 512 * 1024)));
  await reached(async () => (await wire.sockets()) === 1);
  await reached(async () => (await wire.sockets()) === 0);
  assert.ok(!(await received(socket)).includes('"result"'), 'it has not got its answer');
  await wire.assertWell();
});

/** Everything that a socket receives until it closes. */
async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.resume();
  await reached(async () => socket.closed);
  return text;
}

for (const end of ['finish', 'reset', 'leave'] as const) {
  test(`lets go of streams whose clients ${end === 'leave' ? end : `${end} the connection`}`, async () => {
    const get = rawRequest({
      line: 'GET /mcp HTTP/1.1',
      headers: linesOf({ ...session.headers, accept: 'text/event-stream' }),
      framing: '',
    });
    const listening = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } });
    const streams = [get, post(listening.headers, listening.body), post(session.headers, talkativeCall(40, 100))];
    const exchanges = await Promise.all(streams.map((pieces) => converse({ pieces: [pieces], end })));
    for (const { answers } of exchanges) {
      assert.equal(answers[0]?.status, 200);
      assert.ok(eventsIn(answers[0].body).length > 0);
    }
    await reached(async () => (await wire.sockets()) === 0);
    // The stream of the session is free again.
    const again = await converse({ pieces: [get], end: 'leave' });
    assert.equal(again.answers[0]?.status, 200);
  });
}

test('leaves nothing behind', () => wire.assertNothingLeft());
