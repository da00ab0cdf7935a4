import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundedResponse } from '../../src/streams/bounded-response.ts';
import { createEventStream } from '../../src/streams/event-stream.ts';
import { manualClock } from '../support/clock.ts';
import { settled } from '../support/time.ts';

/** A response whose body is written from outside. */
function controlled(contentType = 'text/event-stream') {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let cancelled: unknown = 'no';
  const body = new ReadableStream<Uint8Array>({
    start: (started) => void (controller = started),
    cancel: (reason) => void (cancelled = reason),
  });
  return {
    response: new Response(body, { status: 200, headers: { 'content-type': contentType, 'x-kept': 'yes' } }),
    write: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
    fail: (error: Error) => controller?.error(error),
    get cancelled() {
      return cancelled;
    },
  };
}

/** Bounds a response whose token does not expire. */
const watchBody = (response: Response, onEnd: () => void, maxBufferedBytes?: number) =>
  boundedResponse(response, { clock: manualClock(), onEnd, ...(maxBufferedBytes && { maxBufferedBytes }) });

function counter() {
  let count = 0;
  return { add: () => void (count += 1), total: () => count };
}

const DONE_AT_ONCE: [title: string, response: Response][] = [
  ['JSON', Response.json({})],
  ['no body', new Response(null, { status: 202, headers: { 'content-type': 'text/event-stream' } })],
  ['a stream that is not of events', controlled('text/plain').response],
];

for (const [title, response] of DONE_AT_ONCE) {
  test(`hands back a response with ${title} as it is, ended at once`, () => {
    const ends = counter();
    assert.equal(watchBody(response, ends.add), response);
    assert.equal(ends.total(), 1);
  });
}

test('passes events on, with status and headers, and ends once when the stream does', async () => {
  const ends = counter();
  const source = controlled();
  const watched = watchBody(source.response, ends.add);
  source.write('data: 1\n\n');
  source.write('data: 2\n\n');
  await settled();
  assert.equal(ends.total(), 0);
  source.end();
  assert.equal(await watched.text(), 'data: 1\n\ndata: 2\n\n');
  assert.equal(watched.headers.get('x-kept'), 'yes');
  await settled();
  assert.equal(ends.total(), 1);
});

test('ends once when the reader goes, and tells the source why', async () => {
  const ends = counter();
  const source = controlled();
  const reader = watchBody(source.response, ends.add).body?.getReader();
  source.write('data: 1\n\n');
  await reader?.read();
  await reader?.cancel('gone');
  await settled();
  assert.deepEqual([ends.total(), source.cancelled], [1, 'gone']);
});

test('ends once when the source fails, and so does the reader', async () => {
  const ends = counter();
  const source = controlled();
  const watched = watchBody(source.response, ends.add);
  source.fail(new Error('broken'));
  await assert.rejects(watched.text(), /broken/);
  await settled();
  assert.equal(ends.total(), 1);
});

test('gives up a reader that lets more than the limit wait', async () => {
  const ends = counter();
  const source = controlled();
  const watched = watchBody(source.response, ends.add, 10);
  for (let event = 0; event < 4; event += 1) source.write('12345');
  await settled();
  assert.equal(ends.total(), 1);
  assert.match(String(source.cancelled), /too slow/);
  await assert.rejects(watched.text(), /too slow/);
});

test('bears with a reader that keeps up, however much passes', async () => {
  const source = controlled();
  const reader = watchBody(source.response, () => {}, 10).body?.getReader();
  for (let event = 0; event < 20; event += 1) {
    source.write('12345678');
    assert.equal((await reader?.read())?.done, false);
  }
  source.end();
  assert.equal((await reader?.read())?.done, true);
});

test('lets one event through that is larger than the limit by itself', async () => {
  const source = controlled();
  const watched = watchBody(source.response, () => {}, 10);
  source.write('x'.repeat(100));
  await settled();
  source.end();
  assert.equal((await watched.text()).length, 100);
});

function eventStream(options: { keepAliveMs?: number; maxBufferedBytes?: number } = {}) {
  const clock = manualClock();
  const ends = counter();
  const { stream, response } = createEventStream({
    headers: { 'x-kept': 'yes' },
    clock,
    keepAliveMs: 0,
    onEnd: ends.add,
    ...options,
  });
  return { stream, response, clock, ends };
}

test('sends messages, with an id where they have one, and events that are there for their id', async () => {
  const { stream, response } = eventStream();
  stream.send({ id: '1', data: undefined });
  stream.send({ id: '2', data: '{}' });
  stream.send({ id: undefined, data: '[]' });
  stream.end();
  const text = 'id: 1\nretry: 1000\ndata: \n\nevent: message\nid: 2\ndata: {}\n\nevent: message\ndata: []\n\n';
  assert.equal(await response.text(), text);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.headers.get('x-kept'), 'yes');
});

test('drops what is sent after the end, which comes once', async () => {
  const { stream, response, clock, ends } = eventStream({ keepAliveMs: 1000 });
  stream.end();
  stream.send({ id: '1', data: '{}' });
  stream.end();
  assert.equal(await response.text(), '');
  assert.deepEqual([ends.total(), clock.pending], [1, 0]);
});

test('ends once when its reader goes', async () => {
  const { stream, response, clock, ends } = eventStream({ keepAliveMs: 1000 });
  await response.body?.cancel();
  stream.end();
  assert.deepEqual([ends.total(), clock.pending], [1, 0]);
});

test('gives up a reader that lets more than the limit wait, after one event that is larger by itself', async () => {
  const { stream, response, clock, ends } = eventStream({ maxBufferedBytes: 100, keepAliveMs: 1000 });
  stream.send({ id: '1', data: 'x'.repeat(1000) });
  assert.equal(ends.total(), 0);
  stream.send({ id: '2', data: 'x' });
  assert.deepEqual([ends.total(), clock.pending], [1, 0]);
  await assert.rejects(response.text(), /too slow/);
});

test('sends comments while nothing else happens', async () => {
  const { stream, response, clock } = eventStream({ keepAliveMs: 1000 });
  clock.advance(2000);
  stream.end();
  assert.equal(await response.text(), ': keepalive\n\n'.repeat(2));
});
