import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCallsInFlight } from '../../src/lib/calls-in-flight.ts';
import { manualClock } from '../support/clock.ts';
import { settled } from '../support/time.ts';

test('counts a call from its begin to its end, however often that is called', () => {
  const calls = createCallsInFlight();
  const endFirst = calls.begin();
  const endSecond = calls.begin();
  assert.equal(calls.count, 2);
  endFirst();
  endFirst();
  assert.equal(calls.count, 1);
  endSecond();
  assert.equal(calls.count, 0);
});

test('is idle at once when there is no call', async () => {
  await createCallsInFlight().idleWithin(1000, manualClock());
});

test('becomes idle for everyone who waits when the last call ends, not before', async () => {
  const clock = manualClock();
  const calls = createCallsInFlight();
  const endFirst = calls.begin();
  const endSecond = calls.begin();
  let idle = 0;
  const waiting = [calls.idleWithin(1000, clock), calls.idleWithin(1000, clock)].map((promise) =>
    promise.then(() => (idle += 1)),
  );
  endFirst();
  await settled();
  assert.equal(idle, 0);
  endSecond();
  await Promise.all(waiting);
  assert.equal(idle, 2);
  assert.equal(clock.pending, 0);
});

test('waits again for a call that begins after it was idle', async () => {
  const clock = manualClock();
  const calls = createCallsInFlight();
  calls.begin()();
  await calls.idleWithin(1000, clock);
  const end = calls.begin();
  let idle = false;
  const waiting = calls.idleWithin(1000, clock).then(() => (idle = true));
  await settled();
  assert.equal(idle, false);
  end();
  await waiting;
});

test('is waited for no longer than the time given', async () => {
  const clock = manualClock();
  const calls = createCallsInFlight();
  calls.begin();
  let over = false;
  const waiting = calls.idleWithin(1000, clock).then(() => (over = true));
  clock.advance(999);
  await settled();
  assert.equal(over, false);
  clock.advance(1);
  await waiting;
  assert.equal(calls.count, 1);
});
