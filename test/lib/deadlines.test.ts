import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines } from '../../src/lib/deadlines.ts';
import { manualClock } from '../support/clock.ts';

function setUp() {
  const clock = manualClock();
  const deadlines = new Deadlines(100, clock);
  const called: string[] = [];
  return { clock, deadlines, called, set: (name: string) => deadlines.set(() => called.push(name)) };
}

test('calls back when the time is over, not before, in the order of setting', () => {
  const { clock, called, set } = setUp();
  set('a');
  clock.advance(40);
  set('b');
  set('c');
  clock.advance(59);
  assert.deepEqual(called, []);
  clock.advance(1);
  assert.deepEqual(called, ['a']);
  clock.advance(40);
  assert.deepEqual(called, ['a', 'b', 'c']);
  assert.equal(clock.pending, 0);
});

test('does not call back what was called off, however often, before or after its time', () => {
  const { clock, called, set } = setUp();
  const [callOffA, , callOffC] = [set('a'), set('b'), set('c')];
  callOffA();
  callOffA();
  clock.advance(100);
  callOffC();
  set('d');
  callOffA();
  clock.advance(100);
  assert.deepEqual(called, ['b', 'c', 'd']);
});

test('runs one timer, however many deadlines there are, and none when all are over', () => {
  const { clock, set } = setUp();
  for (let i = 0; i < 1000; i += 1) set('a')();
  assert.equal(clock.pending, 1);
  clock.advance(100);
  assert.equal(clock.pending, 0);
});

test('takes deadlines that a callback sets or calls off', () => {
  const { clock, called, deadlines, set } = setUp();
  let callOff = () => {};
  deadlines.set(() => {
    set('later');
    callOff();
  });
  callOff = set('called off');
  clock.advance(100);
  assert.deepEqual(called, []);
  clock.advance(100);
  assert.deepEqual(called, ['later']);
});

test('calls back when its timer ends, although the clock was set back meanwhile', () => {
  let now = 10_000;
  const timers: (() => void)[] = [];
  const every = (_: number, callback: () => void) => (timers.push(callback), () => {});
  const deadlines = new Deadlines(100, { ...manualClock(), now: () => now, every });
  let isCalled = false;
  deadlines.set(() => (isCalled = true));
  now = 0;
  timers[0]?.();
  assert.ok(isCalled);
});

test('calls nothing back once it is closed, and leaves no timer', () => {
  const { clock, called, deadlines, set } = setUp();
  set('a');
  deadlines.close();
  set('b');
  assert.equal(clock.pending, 0);
  clock.advance(1000);
  assert.deepEqual(called, []);
});

test('gives each deadline a timer of its own where a timer ends with the request that has set it', () => {
  const clock = manualClock();
  const deadlines = new Deadlines(100, { ...clock, endsWithRequest: true });
  const called: string[] = [];
  deadlines.set(() => called.push('a'));
  const callOff = deadlines.set(() => called.push('b'));
  assert.equal(clock.pending, 2);
  callOff();
  clock.advance(100);
  assert.deepEqual(called, ['a']);
});

test('a movable deadline gets its full time whenever it is put off, and the others keep their order', () => {
  const { clock, deadlines, called, set } = setUp();
  const moved = deadlines.setMovable(() => called.push('moved'));
  set('b');
  clock.advance(60);
  moved.putOff();
  clock.advance(40);
  assert.deepEqual(called, ['b']);
  clock.advance(59);
  moved.putOff();
  clock.advance(99);
  assert.deepEqual(called, ['b']);
  clock.advance(1);
  assert.deepEqual(called, ['b', 'moved']);
});

test('a movable deadline that was called off is not called back, and stays off when it is put off', () => {
  const { clock, deadlines, called } = setUp();
  const moved = deadlines.setMovable(() => called.push('moved'));
  moved.callOff();
  moved.callOff();
  moved.putOff();
  clock.advance(1000);
  assert.deepEqual(called, []);
});

test('a movable deadline has a timer of its own where a timer ends with its request', () => {
  const clock = manualClock();
  const called: string[] = [];
  const deadlines = new Deadlines(100, { ...clock, now: () => clock.now(), endsWithRequest: true });
  const moved = deadlines.setMovable(() => called.push('moved'));
  clock.advance(60);
  moved.putOff();
  clock.advance(99);
  assert.equal(called.length, 0);
  clock.advance(1);
  assert.equal(called.length, 1);
  deadlines.setMovable(() => called.push('off')).callOff();
  clock.advance(1000);
  assert.equal(called.length, 1);
  assert.equal(clock.pending, 0);
});
