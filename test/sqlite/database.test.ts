import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { SqliteEventLog } from '../../src/sqlite/sqlite-event-log.ts';
import { SqliteSessionStore } from '../../src/sqlite/sqlite-session-store.ts';
import { SqliteStateStore } from '../../src/sqlite/sqlite-state-store.ts';
import { append } from '../contracts/append.ts';
import { manualClock } from '../support/clock.ts';
import { keepLog, openDatabase, openEngines, SKIP_WITHOUT_SQLITE as skip, temporaryDir } from '../support/sqlite.ts';

const RECORD = { principal: '', createdAt: 0, initialized: true, subscriptions: [], toldChange: 0, version: 1 };
const LARGE = JSON.stringify('x'.repeat(10_000));

describe('a full disk', { skip }, () => {
  // SQLite refuses a page more than this with the result of a full disk.
  const FULL = 'PRAGMA max_page_count = 1';
  const ROOM = 'PRAGMA max_page_count = 1000000';

  test('is unavailable to whoever writes, changes nothing, and is used again when it has room', async (t) => {
    const { lines, log } = keepLog();
    const [clock, database] = [manualClock(), openDatabase(t, { log })];
    const sessions = new SqliteSessionStore({ database, idleMs: 60_000, clock });
    const [events, state] = [new SqliteEventLog({ database, clock }), new SqliteStateStore({ database, clock })];
    await sessions.create({ id: 'before', initialize: '{}', ...RECORD });
    const first = await append(events, 's', 'one', '"a"');
    await set(state, 'a', '1');
    database.prepare(FULL).get();
    const writes: [string, () => Promise<unknown>][] = [
      ['create', () => sessions.create({ id: 'new', initialize: LARGE, ...RECORD })],
      ['append', () => events.append('s', 'one', LARGE)],
      ['write', () => set(state, 'a', LARGE)],
    ];
    for (const [method, write] of writes) {
      await assert.rejects(
        write(),
        (error) => error instanceof UnavailableError && error.cause instanceof Error,
        method,
      );
      assert.equal(database.isAvailable, false);
    }
    assert.deepEqual(
      [
        await sessions.count(),
        await sessions.get('new'),
        (await events.after('s', first))?.events,
        await state.get('s', 'a'),
      ],
      [1, undefined, [], '1'],
    );
    assert.notEqual(await sessions.use('before', ''), undefined, 'what is there can be used');
    database.prepare(ROOM).get();
    database.probe();
    assert.equal(database.isAvailable, true);
    for (const [, write] of writes) await write();
    assert.equal((await events.after('s', first))?.events.length, 1);
    assert.deepEqual(
      lines.map(([level, message]) => [level, message]),
      [
        ['error', 'the data file cannot be used'],
        ['warn', 'the data file can be used again'],
      ],
    );
  });

  test('does not count what it has refused', async (t) => {
    const [clock, database] = [manualClock(), openDatabase(t)];
    const events = new SqliteEventLog({ database, clock, maxBytes: 100_000 });
    const state = new SqliteStateStore({ database, clock, maxBytes: 25_000 });
    const first = await append(events, 's', 'one', '"a"');
    database.prepare(FULL).get();
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await assert.rejects(append(events, 's', 'one', LARGE), UnavailableError);
      await assert.rejects(set(state, `${attempt}`, LARGE), UnavailableError);
    }
    database.prepare(ROOM).get();
    await append(events, 's', 'one', LARGE);
    assert.equal((await events.after('s', first))?.events.length, 1);
    assert.equal(await set(state, 'a', LARGE), 'kept');
  });
});

test('closed engines are unavailable, and say nothing about it in the log', { skip }, async (t) => {
  const { lines, log } = keepLog();
  const engines = openEngines(t, temporaryDir(t), { log });
  await engines.close();
  await engines.close();
  await assert.rejects(engines.sessionStore.use('a', ''), UnavailableError);
  await assert.rejects(async () => engines.eventLog.append('a', 'b', 'c'), UnavailableError);
  await assert.rejects(engines.stateStore.get('a', 'b'), UnavailableError);
  engines.changes.publish({ kind: 'tools_list_changed' });
  assert.equal(engines.isAvailable(), false);
  assert.deepEqual(lines, []);
});

test('a mistake in an engine does not make the file unavailable', { skip }, (t) => {
  const database = openDatabase(t);
  const count = () => database.prepare<{ count: number }>('SELECT count(*) AS count FROM numbers').get()?.count;
  assert.throws(
    () =>
      database.write(() => {
        database.prepare("INSERT INTO numbers VALUES ('a', 1)").run();
        throw new TypeError('a bug');
      }),
    TypeError,
  );
  const insert = database.prepare('INSERT INTO numbers VALUES (?, ?)');
  assert.throws(() => database.write(() => insert.run('a', null)), { code: 'ERR_SQLITE_ERROR' });
  assert.deepEqual([database.isAvailable, count()], [true, 0]);
});

function set(store: SqliteStateStore, key: string, value: string) {
  return store.write('s', key, { value, expected: undefined, ttlMs: undefined });
}
