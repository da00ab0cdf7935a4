import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAnswerReader, headerOf, type Answer } from '../answer-reader.ts';

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n';
const SIZED = 'HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nMcp-Session-Id: Ab\r\n\r\nnone';
const EMPTY = 'HTTP/1.1 204 No Content\r\n\r\n';

function read(...chunks: string[]): Answer[] {
  const answers: Answer[] = [];
  const reader = createAnswerReader((answer) => answers.push(answer));
  for (const chunk of chunks) reader(Buffer.from(chunk));
  return answers;
}

const shown = (answers: Answer[]) => answers.map(({ status, body }) => [status, body.toString()]);
const ALL = [
  [200, 'hello, world'],
  [404, 'none'],
  [204, ''],
];

test('answers are read whole, in one piece or byte by byte', () => {
  assert.deepEqual(shown(read(CHUNKED + SIZED + EMPTY)), ALL);
  assert.deepEqual(shown(read(...(CHUNKED + SIZED + EMPTY))), ALL);
});

test('an answer is not there before its last byte', () => {
  for (const answer of [CHUNKED, SIZED]) {
    for (let length = 0; length < answer.length; length += 1) assert.deepEqual(read(answer.slice(0, length)), []);
  }
});

test('headers are found whatever their case, and not in the body', () => {
  const [answer] = read(SIZED);
  assert.equal(headerOf(answer?.head ?? '', 'mcp-session-id'), 'Ab');
  assert.equal(headerOf(answer?.head ?? '', 'content-type'), undefined);
});

test('an invalid or endless answer is an error', () => {
  assert.throws(() => read('SSH-2.0-x\r\n\r\n'));
  assert.throws(() => read('HTTP/1.1 200 OK\r\n\r\n'));
  assert.throws(() => read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'));
});
