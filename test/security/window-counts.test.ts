import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWindowCounts } from '../../src/security/window-counts.ts';
import { manualClock } from '../support/clock.ts';

function setUp(maxKeys = 10) {
  const clock = manualClock();
  return { clock, counts: createWindowCounts({ windowMs: 100, maxKeys, now: () => clock.now() }) };
}

test('adds up the points of a key until the window that its first one began is over', () => {
  const { clock, counts } = setUp();
  assert.equal(counts.get('a'), undefined);
  assert.deepEqual(counts.add('a', 1), { points: 1, msLeft: 100 });
  clock.advance(60);
  assert.deepEqual(counts.add('a', 2), { points: 3, msLeft: 40 });
  assert.deepEqual(counts.add('b', 1), { points: 1, msLeft: 100 });
  assert.deepEqual(counts.get('a'), { points: 3, msLeft: 40 });
  clock.advance(40);
  assert.equal(counts.get('a'), undefined);
  assert.deepEqual(counts.add('a', 1), { points: 1, msLeft: 100 });
});

test('has room for a key that it counts, and for others again when windows are over', () => {
  const { clock, counts } = setUp(2);
  counts.add('a', 1);
  clock.advance(50);
  counts.add('b', 1);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => counts.hasRoomFor(key)),
    [true, true, false],
  );
  clock.advance(50);
  assert.equal(counts.hasRoomFor('c'), true);
  counts.add('c', 1);
  assert.equal(counts.hasRoomFor('a'), false);
});

test('takes over a count, with the time that is left of its window', () => {
  const { clock, counts } = setUp();
  counts.add('a', 1);
  counts.set('a', { points: 7, msLeft: 30 });
  assert.deepEqual(counts.add('a', 1), { points: 8, msLeft: 30 });
  clock.advance(30);
  assert.equal(counts.get('a'), undefined);
});
