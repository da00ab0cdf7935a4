import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeadlines } from '../../src/lib/deadlines.ts';
import { manualClock } from '../support/clock.ts';

function setUp() {
  const clock = manualClock();
  const deadlines = createDeadlines(100, clock);
  const called: string[] = [];
  return { clock, deadlines, called, set: (name: string) => deadlines.set(() => void called.push(name)) };
}

test('calls back each at its time, on one timer', () => {
  const { clock, called, set } = setUp();
  set('a');
  clock.advance(40);
  set('b');
  set('c');
  assert.equal(clock.pending, 1);
  clock.advance(59);
  assert.deepEqual(called, []);
  clock.advance(1);
  assert.deepEqual(called, ['a']);
  clock.advance(39);
  assert.deepEqual(called, ['a']);
  clock.advance(1);
  assert.deepEqual(called, ['a', 'b', 'c']);
  assert.equal(clock.pending, 0);
});

test('does not call back what was unset, before or after, and leaves the others alone', () => {
  const { clock, called, set } = setUp();
  const [unsetA, unsetB] = [set('a'), set('b')];
  set('c');
  unsetA();
  unsetA();
  clock.advance(100);
  assert.deepEqual(called, ['b', 'c']);
  unsetB();
  set('d');
  clock.advance(100);
  assert.deepEqual(called, ['b', 'c', 'd']);
});

test('takes what is set while others are called back', () => {
  const { clock, deadlines, called, set } = setUp();
  deadlines.set(() => void set('late'));
  clock.advance(100);
  assert.deepEqual(called, []);
  clock.advance(100);
  assert.deepEqual(called, ['late']);
});

test('calls nothing back once it is closed, and leaves no timer', () => {
  const { clock, deadlines, called, set } = setUp();
  set('a');
  deadlines.close();
  assert.equal(clock.pending, 0);
  clock.advance(1000);
  set('b');
  clock.advance(100);
  assert.deepEqual(called, ['b']);
});

test('calls back also when the clock is set back meanwhile', () => {
  let now = 1_000_000;
  let fire = () => {};
  const deadlines = createDeadlines(100, { now: () => now, after: (_ms, callback) => ((fire = callback), () => {}) });
  const called: string[] = [];
  deadlines.set(() => called.push('a'));
  now -= 3_600_000;
  fire();
  assert.deepEqual(called, ['a']);
});
