import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExpiryQueue, type Expiring } from '../../src/lib/expiry-queue.ts';
import { createRandom } from '../support/random.ts';

test('has no first member when it is empty', () => {
  const queue = new ExpiryQueue<string>();
  assert.equal(queue.first, undefined);
  queue.remove(queue.add('a', 1));
  assert.equal(queue.first, undefined);
  assert.equal(queue.size, 0);
});

test('has what expires first as its first member, after any sequence of additions and removals', () => {
  const seed = 20_260_728;
  const random = createRandom(seed);
  const queue = new ExpiryQueue<number>();
  let model: Expiring<number>[] = [];
  for (let step = 0; step < 5000; step += 1) {
    // More additions at first, more removals later, and many members with the same time.
    const isAddition = model.length === 0 || random.int(0, 5000) > step;
    if (isAddition) model.push(queue.add(step, random.int(0, 500)));
    else {
      const removed = random.int(0, 3) === 0 ? queue.first : random.pick(model);
      assert.ok(removed);
      queue.remove(removed);
      model = model.filter((member) => member !== removed);
    }
    const earliest = Math.min(...model.map(({ expiresAt }) => expiresAt));
    assert.equal(queue.size, model.length);
    assert.equal(queue.first?.expiresAt ?? Infinity, earliest, `seed ${seed}, step ${step}`);
  }
  const order: number[] = [];
  for (let first = queue.first; first; first = queue.first) {
    order.push(first.expiresAt);
    queue.remove(first);
  }
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(order.length, model.length);
});
