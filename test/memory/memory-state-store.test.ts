import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { STATE_BOUNDS, type StateStore } from '../../src/contracts/state-store.ts';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import { manualClock } from '../support/clock.ts';
import { settled } from '../support/time.ts';
import { stateStoreContract } from '../contracts/state-store.contract.ts';

stateStoreContract('memory', (options) => createMemoryStateStore(options));

const KIBIBYTE = JSON.stringify('x'.repeat(1022));

test('refuses what exceeds the bytes of all scopes, and takes it when there is room again', async () => {
  const clock = manualClock();
  const store = createMemoryStateStore({ clock, maxBytes: 100_000 });
  const kept = await fill(store, 60_000);
  assert.ok(kept > 20 && kept < 50, `${kept}`);
  assert.equal(await set(store, 'new'), 'full');
  assert.equal(await store.get('new', 'a'), undefined);
  assert.equal(await set(store, 'scope 0'), 'kept', 'it takes the place of one that is as large');
  await store.clear('scope 0');
  assert.equal(await set(store, 'new'), 'kept');
  assert.equal(await set(store, 'newer'), 'full');
  clock.advance(60_000);
  assert.equal(await set(store, 'newer'), 'kept', 'expired ones do not count');
});

test('counts right: has as much room as at first after values were replaced, removed, cleared and expired', async () => {
  const clock = manualClock();
  const store = createMemoryStateStore({ clock, maxBytes: 100_000 });
  const kept = await fill(store);
  for (let i = 0; i < kept; i += 1) {
    await set(store, `scope ${i}`, '"small"', 1000);
    if (i % 3 === 0) await store.clear(`scope ${i}`);
    if (i % 3 === 1) assert.equal(await store.delete(`scope ${i}`, 'a'), true);
  }
  clock.advance(1000);
  assert.equal(await fill(store), kept);
});

test('counts what a value takes apart from its text', async () => {
  const store = createMemoryStateStore({ clock: manualClock(), maxBytes: 100_000 });
  let kept = 0;
  while ((await set(store, `scope ${kept}`, '1')) === 'kept') kept += 1;
  assert.ok(kept < 1000, `${kept}`);
});

test('has the bounds of every engine, and 64 MiB, unless told otherwise', async () => {
  const clock = manualClock();
  const store = createMemoryStateStore({ clock });
  assert.deepEqual(store.bounds, STATE_BOUNDS);
  assert.deepEqual(createMemoryStateStore({ clock, maxKeyBytes: 7 }).bounds, { ...STATE_BOUNDS, maxKeyBytes: 7 });
  const large = JSON.stringify('x'.repeat(1024 * 1024 - 1000));
  let kept = 0;
  while ((await set(store, `scope ${kept}`, large)) === 'kept') kept += 1;
  assert.equal(kept, 32, 'a character counts for two bytes');
});

test('holds nothing of a scope whose values are gone', async () => {
  const clock = manualClock();
  const store = createMemoryStateStore({ clock });
  const before = await heapBytes();
  for (let i = 0; i < 50_000; i += 1) {
    await set(store, `scope ${i}`, '1', 1000);
    if (i % 3 === 0) await store.delete(`scope ${i}`, 'a');
    if (i % 3 === 1) await store.clear(`scope ${i}`);
  }
  clock.advance(1000);
  assert.deepEqual(await store.keys('scope 2'), []);
  assert.ok((await heapBytes()) - before < 5_000_000, 'a hundred bytes a scope');
});

/** What is in use after garbage is collected. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn += 1) {
    collect();
    await settled();
  }
  return process.memoryUsage().heapUsed;
}

/** Writes to one scope after the other until there is no room. Resolves to how many were written. */
async function fill(store: StateStore, ttlMs?: number): Promise<number> {
  let kept = 0;
  while ((await set(store, `scope ${kept}`, KIBIBYTE, ttlMs)) === 'kept') kept += 1;
  return kept;
}

function set(store: StateStore, scope: string, value = KIBIBYTE, ttlMs?: number) {
  return store.write(scope, 'a', { value, expected: undefined, ttlMs });
}
