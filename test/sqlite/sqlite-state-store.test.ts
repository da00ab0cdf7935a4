import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATE_BOUNDS, type StateStore } from '../../src/contracts/state-store.ts';
import { SqliteStateStore } from '../../src/sqlite/sqlite-state-store.ts';
import { stateStoreContract } from '../contracts/state-store.contract.ts';
import { manualClock } from '../support/clock.ts';
import { openDatabase, SKIP_WITHOUT_SQLITE as skip, withSqlite } from '../support/sqlite.ts';

withSqlite('state store contract: SQLite', () => {
  stateStoreContract('SQLite', (options, t) => new SqliteStateStore({ ...options, database: openDatabase(t) }));
});

const MAX_BYTES = 100_000;
const KIBIBYTE = JSON.stringify('x'.repeat(1022));

test('keeps any key for the next process, and has the bounds of every engine', { skip }, async (t) => {
  const [clock, database] = [manualClock(), openDatabase(t)];
  const store = new SqliteStateStore({ clock, database });
  for (const key of ['a\0b', 'a', '"', '\u2028']) await set(store, 's\0t', key);
  const next = new SqliteStateStore({ clock, database });
  assert.deepEqual((await next.keys('s\0t')).toSorted(), ['a\0b', 'a', '"', '\u2028'].toSorted());
  assert.equal(await next.get('s\0t', 'a\0b'), KIBIBYTE);
  assert.equal(await next.get('s', 'a'), undefined);
  assert.deepEqual(next.bounds, STATE_BOUNDS);
});

test('refuses what exceeds the bytes of all scopes, and takes it when there is room again', { skip }, async (t) => {
  const [clock, database] = [manualClock(), openDatabase(t)];
  const store = new SqliteStateStore({ clock, database, maxBytes: MAX_BYTES });
  const kept = await fill(store);
  assert.equal(kept, Math.floor(MAX_BYTES / (1024 + 1 + 256)));
  assert.equal(await set(store, 'new'), 'full');
  assert.equal(await set(store, 'scope 0'), 'kept', 'it takes the place of one that is as large');
  assert.equal(await set(new SqliteStateStore({ clock, database, maxBytes: MAX_BYTES }), 'new'), 'full');
  await store.clear('scope 0');
  assert.equal(await set(store, 'new'), 'kept');
});

test('has as much room as at first after values were replaced, removed, cleared and expired', { skip }, async (t) => {
  const clock = manualClock();
  const store = new SqliteStateStore({ clock, database: openDatabase(t), maxBytes: MAX_BYTES });
  const kept = await fill(store);
  for (let i = 0; i < kept; i += 1) {
    await store.write(`scope ${i}`, 'a', { value: '"small"', expected: undefined, ttlMs: 1000 });
    if (i % 3 === 0) await store.clear(`scope ${i}`);
    if (i % 3 === 1) assert.equal(await store.delete(`scope ${i}`, 'a'), true);
  }
  clock.advance(1000);
  assert.equal(await fill(store), kept);
});

/** Writes to one scope after the other until there is no room. Resolves to how many were written. */
async function fill(store: StateStore): Promise<number> {
  let kept = 0;
  while ((await set(store, `scope ${kept}`)) === 'kept') kept += 1;
  return kept;
}

function set(store: StateStore, scope: string, key = 'a') {
  return store.write(scope, key, { value: KIBIBYTE, expected: undefined, ttlMs: undefined });
}
