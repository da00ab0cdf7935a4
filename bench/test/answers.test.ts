import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../answer-reader.ts';
import { createQuickCheck, isRefusal, messagesIn, problemWith } from '../answers.ts';

const expected = { text: 'a-b', structuredContent: { slug: 'a-b' } };
const result = { content: [{ type: 'text', text: 'a-b' }], structuredContent: { slug: 'a-b' } };

function json(message: object, status = 200): Answer {
  const head = `HTTP/1.1 ${status} OK\r\nContent-Type: application/json; charset=UTF-8`;
  return { status, head, body: Buffer.from(JSON.stringify(message)) };
}

function stream(...events: string[]): Answer {
  const body = Buffer.from(events.map((event) => `${event}\n\n`).join(''));
  return { status: 200, head: 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream', body };
}

const eventOf = (message: object) => `event: message\nid: 1\ndata: ${JSON.stringify(message)}`;
const answer = (changes: object = {}) => ({ jsonrpc: '2.0', id: 7, result: { ...result, ...changes } });
const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 7, progress: 1 } };

test('the right result is right as JSON and as a stream with a priming event and a comment', () => {
  assert.equal(problemWith(json(answer()), 7, expected), undefined);
  assert.equal(problemWith(stream('id: 0\ndata: ', ': ping', eventOf(answer())), 7, expected), undefined);
});

test('further members of a result do not matter', () => {
  assert.equal(problemWith(json(answer({ resultType: 'complete' })), 7, expected), undefined);
});

for (const [what, wrong] of Object.entries({
  'another id': { ...answer(), id: 8 },
  'an error': { jsonrpc: '2.0', id: 7, error: { code: -32603, message: 'no' } },
  'a tool error': answer({ isError: true }),
  'another text': answer({ content: [{ type: 'text', text: 'a-c' }] }),
  'no text': answer({ content: [] }),
  'another structured result': answer({ structuredContent: { slug: 'a' } }),
  'more in the structured result': answer({ structuredContent: { slug: 'a-b', more: 1 } }),
  'no structured result': answer({ structuredContent: undefined }),
})) {
  test(`an answer with ${what} is wrong, as JSON and as a stream`, () => {
    assert.ok(problemWith(json(wrong), 7, expected));
    assert.ok(problemWith(stream(eventOf(wrong)), 7, expected));
  });
}

test('an answer with another status, without a message or with two is wrong', () => {
  assert.match(problemWith(json(answer(), 500), 7, expected) ?? '', /status 500/);
  assert.ok(problemWith(stream(), 7, expected));
  assert.ok(problemWith(stream(eventOf(answer()), eventOf(answer())), 7, expected));
  assert.ok(problemWith({ ...json(answer()), body: Buffer.from('<html>') }, 7, expected));
});

test('progress that was asked for must arrive', () => {
  const wanted = { ...expected, progress: 2 };
  assert.ok(problemWith(stream(eventOf(progress), eventOf(answer())), 7, wanted));
  assert.ok(problemWith(json(answer()), 7, wanted));
  assert.equal(problemWith(stream(eventOf(progress), eventOf(progress), eventOf(answer())), 7, wanted), undefined);
});

test('the quick check wants status, id and result', () => {
  const isRight = createQuickCheck(expected.structuredContent);
  assert.ok(isRight(json(answer()), 7));
  assert.ok(isRight(stream(eventOf(answer())), 7));
  assert.ok(!isRight(json(answer()), 8));
  assert.ok(!isRight(json(answer(), 429), 7));
  assert.ok(!isRight(json(answer({ structuredContent: { slug: 'a' } })), 7));
});

test('wrong arguments are refused by a tool error, a protocol error or a status, and by nothing else', () => {
  assert.ok(isRefusal(json(answer({ isError: true }))));
  assert.ok(isRefusal(stream(eventOf({ jsonrpc: '2.0', id: 7, error: { code: -32602, message: 'no' } }))));
  assert.ok(isRefusal(json({}, 400)));
  assert.ok(!isRefusal(json(answer())));
  assert.ok(!isRefusal(json({}, 500)));
});

test('events may end their lines with CRLF and spread their data over several', () => {
  const data = JSON.stringify(answer(), undefined, 1).replaceAll('\n', '\r\ndata: ');
  assert.deepEqual(messagesIn(stream(`data: ${data}\r\n\r\n`)), [answer()]);
});
