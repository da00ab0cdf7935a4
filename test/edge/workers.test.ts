import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workersClock } from '../../src/edge/workers.ts';

test('runs what is due at once before any timer could, unless it was called off', async () => {
  const called: string[] = [];
  workersClock.after(0, () => called.push('first'));
  workersClock.after(0, () => called.push('second'))();
  const cancel = workersClock.after(60_000, () => called.push('late'));
  assert.deepEqual(called, []);
  await Promise.resolve();
  assert.deepEqual(called, ['first']);
  cancel();
});
