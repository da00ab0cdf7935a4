import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailableResponse } from '../../src/protocol/errors.ts';
import { requestIdOf } from '../../src/protocol/json.ts';
import { assertRefused } from '../support/refusal.ts';

const BODIES: [what: string, body: unknown, id: string | number | null][] = [
  ['a request with a name', { jsonrpc: '2.0', id: 'a', method: 'ping' }, 'a'],
  ['a request with a number', { jsonrpc: '2.0', id: 0, method: 'ping' }, 0],
  ['a request with an empty name', { jsonrpc: '2.0', id: '', method: 'ping' }, ''],
  ['an id of another type', { jsonrpc: '2.0', id: { a: 1 }, method: 'ping' }, null],
  ['a notification', { jsonrpc: '2.0', method: 'ping' }, null],
  ['a response, whose id is the server’s', { jsonrpc: '2.0', id: 1, result: {} }, null],
  ['a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping' }], null],
  ['null', null, null],
  ['a string', 'ping', null],
  ['nothing', undefined, null],
];

for (const [what, body, id] of BODIES) {
  test(`answers ${what} under ${JSON.stringify(id)}`, () => {
    assert.equal(requestIdOf(body), id);
  });
}

test('answers 503 with -32000 and the seconds to wait', async () => {
  const refusal = { status: 503, code: -32000, id: 7, headers: { 'retry-after': '10' } };
  assert.equal(await assertRefused(unavailableResponse('Too many sessions', 10, 7), refusal), 'Too many sessions');
});
