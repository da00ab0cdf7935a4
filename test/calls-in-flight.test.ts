import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCallsInFlight } from '../src/calls-in-flight.ts';
import { settled } from './support/time.ts';

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
  await createCallsInFlight().idle();
});

test('becomes idle for everyone who waits when the last call ends, not before', async () => {
  const calls = createCallsInFlight();
  const endFirst = calls.begin();
  const endSecond = calls.begin();
  let idle = 0;
  const waiting = [calls.idle(), calls.idle()].map((promise) => promise.then(() => (idle += 1)));
  endFirst();
  await settled();
  assert.equal(idle, 0);
  endSecond();
  await Promise.all(waiting);
  assert.equal(idle, 2);
});

test('waits again for a call that begins after it was idle', async () => {
  const calls = createCallsInFlight();
  calls.begin()();
  await calls.idle();
  const end = calls.begin();
  let idle = false;
  const waiting = calls.idle().then(() => (idle = true));
  await settled();
  assert.equal(idle, false);
  end();
  await waiting;
});
