import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanUpAfterAbort, workersClock } from '../../src/edge/workers.ts';
import { manualClock } from '../support/clock.ts';
import { settled } from '../support/time.ts';

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

test('lets a request go on for a second when its client has left, and not otherwise', async () => {
  const clock = manualClock();
  const client = new AbortController();
  const work: Promise<unknown>[] = [];
  const context = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) };
  cleanUpAfterAbort(new Request('http://localhost/mcp', { signal: client.signal }), context, clock);
  assert.equal(work.length, 0);
  client.abort();
  assert.equal(work.length, 1);
  let isDone = false;
  void work[0]?.then(() => (isDone = true));
  clock.advance(999);
  await settled();
  assert.equal(isDone, false);
  clock.advance(1);
  await settled();
  assert.equal(isDone, true);
});
