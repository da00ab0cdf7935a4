import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixed, watchBody } from '../src/streams.ts';
import { settled } from './support/time.ts';

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

test('puts a text before a body, and keeps status and headers', async () => {
  const source = controlled();
  const response = prefixed(source.response, 'id: 1\n\n');
  source.write('data: 1\n\n');
  source.end();
  assert.equal(await response.text(), 'id: 1\n\ndata: 1\n\n');
  assert.equal(response.headers.get('x-kept'), 'yes');
});

test('puts a text where there is no body', async () => {
  assert.equal(await prefixed(new Response(null), 'alone').text(), 'alone');
});

test('passes the end of a prefixed stream on, from the reader and from the source', async () => {
  const left = controlled();
  await prefixed(left.response, 'x').body?.cancel('gone');
  assert.equal(left.cancelled, 'gone');

  const broken = controlled();
  const response = prefixed(broken.response, 'x');
  broken.fail(new Error('broken'));
  await assert.rejects(response.text(), /broken/);
});
