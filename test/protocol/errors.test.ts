import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unavailableResponse } from '../../src/protocol/errors.ts';
import { assertRefused } from '../support/refusal.ts';

test('answers 503 with -32000 and the seconds to wait', async () => {
  const refusal = { status: 503, code: -32000, id: 7, headers: { 'retry-after': '10' } };
  assert.equal(await assertRefused(unavailableResponse('Too many sessions', 10, 7), refusal), 'Too many sessions');
});
