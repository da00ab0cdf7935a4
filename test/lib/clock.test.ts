import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { settled } from '../support/time.ts';

test('waits for years, rather than not at all', async () => {
  let isCalled = false;
  const cancel = systemClock.after(365 * 24 * 60 * 60 * 1000, () => (isCalled = true));
  // Node.js would run such a timer after a millisecond.
  await new Promise<void>((resolve) => systemClock.after(20, resolve));
  await settled();
  cancel();
  assert.equal(isCalled, false);
});
