import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionRecord } from '../../src/contracts/session-store.ts';
import { SqliteSessionStore } from '../../src/sqlite/sqlite-session-store.ts';
import { sessionStoreContract } from '../contracts/session-store.contract.ts';
import { manualClock } from '../support/clock.ts';
import { openDatabase, SKIP_WITHOUT_SQLITE as skip, withSqlite } from '../support/sqlite.ts';

withSqlite('session store contract: SQLite', () => {
  sessionStoreContract('SQLite', (options, t) => new SqliteSessionStore({ ...options, database: openDatabase(t) }));
});

const IDLE_MS = 1_800_000;

/** Two stores on one file: what the second one knows is in the file. */
function setUp(t: Parameters<typeof openDatabase>[0]) {
  const [clock, database] = [manualClock(), openDatabase(t)];
  const open = () => new SqliteSessionStore({ database, idleMs: IDLE_MS, clock });
  return { clock, store: open(), reopen: open };
}

test('keeps records, and their order and number, for the next process', { skip }, async (t) => {
  const { clock, store, reopen } = setUp(t);
  const records = [recordOf('a', 'x\0y'), recordOf('b', ''), recordOf('c', 'x\0y')];
  for (const record of records) {
    await store.create(record);
    clock.advance(1);
  }
  await store.use('a', 'x\0y');
  store.flush();
  const next = reopen();
  assert.deepEqual(await next.get('a'), records[0]);
  assert.deepEqual(await next.leastRecentlyUsed(10), ['b', 'c', 'a']);
  assert.deepEqual([await next.count(), await next.count('x\0y'), await next.count('x')], [3, 2, 0]);
});

test('loses at most half a minute of use with a process that is killed', { skip }, async (t) => {
  const { clock, store, reopen } = setUp(t);
  await store.create(recordOf('a', ''));
  for (let second = 0; second < 100; second += 1) {
    clock.advance(1000);
    await store.use('a', '');
  }
  clock.advance(IDLE_MS - 30_001);
  assert.notEqual(await reopen().get('a'), undefined);
  assert.equal(await reopen().touch('a'), 1);
});

test('counts each principal right after records were replaced, removed and taken', { skip }, async (t) => {
  const { clock, store, reopen } = setUp(t);
  for (const [id, principal] of [
    ['a', 'x'],
    ['b', 'x'],
    ['c', 'y'],
    ['a', 'y'],
  ] as const)
    await store.create(recordOf(id, principal));
  await store.delete('b');
  assert.deepEqual([await store.count(), await store.count('x'), await store.count('y')], [2, 0, 2]);
  clock.advance(IDLE_MS);
  await store.create(recordOf('d', 'x'));
  assert.deepEqual((await store.takeExpired(1)).length, 1);
  for (const each of [store, reopen()]) {
    assert.deepEqual([await each.count(), await each.count('x'), await each.count('y')], [1, 1, 0]);
  }
});

function recordOf(id: string, principal: string): SessionRecord {
  return {
    id,
    principal,
    createdAt: 0,
    initialize: '{}',
    initialized: true,
    subscriptions: [],
    toldChange: 0,
    version: 1,
  };
}
