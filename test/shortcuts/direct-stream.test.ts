import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { sendDirectly } from '../../src/shortcuts/direct-stream.ts';
import { BoundedBody } from '../../src/streams/bounded-body.ts';
import { manualClock } from '../support/clock.ts';

interface Exchanged {
  body: BoundedBody;
  /** What `onEnd` has been called with. */
  ends: unknown[];
  outgoing: ServerResponse;
  port: number;
  answer: Promise<IncomingMessage>;
}

/** Serves one request with a body, which `before` may write to before it is sent. */
async function exchange(t: TestContext, before: (body: BoundedBody) => void = () => {}): Promise<Exchanged> {
  const ends: unknown[] = [];
  const body = new BoundedBody({ clock: manualClock(), maxBufferedBytes: 1_000_000 }, (end) => ends.push(end));
  const response = body.response({ headers: { 'content-type': 'text/event-stream', 'x-kept': 'yes' } });
  before(body);
  const server = createServer((_, outgoing) => {
    assert.equal(sendDirectly(response, outgoing), true);
    server.emit('sent', outgoing);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = once(server, 'sent');
  const asked = request({ port, host: '127.0.0.1' }).end();
  asked.on('error', () => {});
  const answer = once(asked, 'response').then(([incoming]) => incoming as IncomingMessage);
  answer.catch(() => {});
  const [outgoing] = (await sent) as [ServerResponse];
  return { body, ends, outgoing, port, answer };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += String(chunk);
  return text;
}

test('leaves a response alone that is not an event stream, or is a copy of one', () => {
  const body = new BoundedBody({ clock: manualClock() }, () => {});
  const response = body.response({});
  const outgoing = {} as ServerResponse;
  assert.equal(sendDirectly(Response.json({}), outgoing), false);
  assert.equal(sendDirectly(new Response(response.body, response), outgoing), false);
});

test('sends headers at once, and what was written before and after that in its order, whatever its characters', async (t) => {
  const { body, ends, answer } = await exchange(t, (early) => early.write('data: früh\n\n'));
  const incoming = await answer;
  assert.equal(incoming.headers['x-kept'], 'yes');
  body.write('data: 1\n\n');
  body.write(new TextEncoder().encode('data: 2\n\n'));
  body.write('data: drei €\n\n');
  await new Promise((resolve) => setImmediate(resolve));
  body.write('data: 4\n\n');
  body.end();
  body.write('data: late\n\n');
  assert.equal(await textOf(incoming), 'data: früh\n\ndata: 1\n\ndata: 2\n\ndata: drei €\n\ndata: 4\n\n');
  assert.deepEqual(ends, [undefined]);
});

test('sends what is written in one turn as one chunk, and each turn its own', async (t) => {
  const { body, outgoing } = await exchange(t);
  body.write('first\n');
  await new Promise((resolve) => setImmediate(resolve));
  const write = t.mock.method(outgoing, 'write');
  body.write('a\n');
  await Promise.resolve();
  body.write('b\n');
  await new Promise((resolve) => setImmediate(resolve));
  body.write('ü\n');
  await new Promise((resolve) => setImmediate(resolve));
  const written = write.mock.calls.map(({ arguments: [text] }) => text);
  assert.deepEqual(written, ['a\nb\n', 'ü\n']);
});

test('sends headers of a stream that has nothing to say yet', async (t) => {
  const { answer } = await exchange(t);
  assert.equal((await answer).headers['content-type'], 'text/event-stream');
});

test('ends a body that had ended before it was sent, with what it said', async (t) => {
  const { answer } = await exchange(t, (body) => {
    body.write('data: all\n\n');
    body.end();
  });
  assert.equal(await textOf(await answer), 'data: all\n\n');
});

test('sends without chunks to a client of HTTP/1.0', async (t) => {
  const { body, port } = await exchange(t);
  body.end();
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\n\r\n'));
  const chunks: string[] = [];
  socket.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  await once(socket, 'close');
  assert.match(chunks.join(''), /^HTTP\/1\.1 200/);
  assert.doesNotMatch(chunks.join(''), /transfer-encoding/i);
});

test('tells the body once that its client has gone, and drops what is written then', async (t) => {
  const { body, ends, outgoing, answer } = await exchange(t);
  body.write('data: 1\n\n');
  const closed = once(outgoing, 'close');
  (await answer).destroy();
  await closed;
  body.write('data: 2\n\n');
  body.end();
  assert.deepEqual(ends, ['The client has closed the connection']);
});

test('breaks the connection of a client that lets too much wait', async (t) => {
  const { body, ends, outgoing } = await exchange(t);
  const closed = once(outgoing, 'close');
  for (let written = 0; written < 100 && ends.length === 0; written += 1) {
    body.write('x'.repeat(500_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  assert.match(String(ends[0]), /too slow/);
  assert.equal(ends.length, 1);
});
