import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEagerQueue } from '../../src/lib/task-queue.ts';

/** Passes the microtasks that a promise needs. */
const passed = () => new Promise((resolve) => setImmediate(resolve));

test('an eager queue runs a task at once if no other is running, and returns what it returns', () => {
  const run = createEagerQueue();
  assert.equal(
    run(() => 1),
    1,
  );
  assert.equal(
    run(() => 2),
    2,
  );
});

test('an eager queue keeps the order of tasks, whichever of them take time', async () => {
  const run = createEagerQueue();
  const done: string[] = [];
  let release: (() => void) | undefined;
  const slow = run(() => new Promise<void>((resolve) => (release = resolve)).then(() => void done.push('slow')));
  const quick = run(() => done.push('quick'));
  const later = run(async () => done.push('later'));
  await passed();
  assert.deepEqual(done, []);
  release?.();
  await Promise.all([slow, quick, later]);
  assert.deepEqual(done, ['slow', 'quick', 'later']);
  assert.equal(
    run(() => 'idle again'),
    'idle again',
  );
});

test('an eager queue runs a task that another one adds after that one, even if both take no time', async () => {
  const run = createEagerQueue();
  const done: string[] = [];
  let inner: unknown;
  run(() => {
    inner = run(() => done.push('inner'));
    done.push('outer');
  });
  assert.deepEqual(done, ['outer', 'inner']);
  await inner;
});

test('a failing task of an eager queue fails only itself', async () => {
  const run = createEagerQueue();
  const fail = () => {
    throw new Error('broken');
  };
  assert.throws(() => run(fail), /broken/);
  const rejected = run(async () => fail());
  const waiting = run(fail);
  const last = run(() => 'last');
  await assert.rejects(async () => rejected, /broken/);
  await assert.rejects(async () => waiting, /broken/);
  assert.equal(await last, 'last');
});

test('an eager queue ends no process for a failing task nobody waits for, whether or not it was waiting itself', async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const run = createEagerQueue();
  const fail = () => {
    throw new Error('broken');
  };
  void run(async () => fail());
  void run(async () => fail());
  void run(fail);
  await run(passed);
  await passed();
  assert.deepEqual(unhandled, []);
});

test('an eager queue runs a hundred thousand waiting tasks without running out of stack', async () => {
  const run = createEagerQueue();
  let count = 0;
  const first = run(() => passed());
  for (let added = 0; added < 100_000; added += 1) void run(() => void (count += 1));
  await first;
  await run(() => {});
  assert.equal(count, 100_000);
});
