import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { SqliteEventLog, type SqliteEventLogOptions } from '../../src/sqlite/sqlite-event-log.ts';
import { append } from '../contracts/append.ts';
import { eventLogBoundsContract, held, large } from '../contracts/event-log-bounds.contract.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';
import { manualClock } from '../support/clock.ts';
import { openDatabase, SKIP_WITHOUT_SQLITE as skip, withSqlite } from '../support/sqlite.ts';

withSqlite('event log contract: SQLite', () => {
  eventLogBoundsContract('SQLite', (options, t) => {
    const parts = { ...options, database: openDatabase(t) };
    return () => new SqliteEventLog(parts);
  });
  eventLogContract('SQLite', (options, t) => new SqliteEventLog({ ...options, database: openDatabase(t) }));
});

function openLog(t: TestContext, options: Partial<SqliteEventLogOptions> = {}): EventLog {
  return new SqliteEventLog({ clock: manualClock(), database: openDatabase(t), ...options });
}

test('goes on for the next process: with the ids, the streams, their holders and debts', { skip }, async (t) => {
  const parts = { clock: manualClock(), database: openDatabase(t) };
  const log = new SqliteEventLog(parts);
  const owes = { node: 'first life', calls: [1, 'two'] };
  const first = await append(log, 's', 'call', '"a"', { owes, told: 3 });
  const second = await append(log, 's', 'call', '"b"', { settles: 1 });
  await append(log, 's', 'ended', undefined);
  await log.end('s', 'ended');
  await log.hold('s', 'get', 'first');
  await append(log, 's', 'get', '"c"', { told: 7 });
  const taken = await log.take('s', 'get', 'first');
  const waiting = await append(log, 's', 'get', '"d"');

  const next = new SqliteEventLog(parts);
  assert.deepEqual(await next.after('s', first), {
    streamId: 'call',
    events: [{ id: second, data: '"b"' }],
    isComplete: true,
    hasEnded: false,
    owed: { node: 'first life', calls: ['two'] },
  });
  assert.equal(await next.append('s', 'ended', '"e"'), undefined);
  assert.equal(await next.append('s', 'call', '"e"', { settles: 1 }), undefined);
  assert.equal(taken?.length, 1);
  assert.equal(await next.take('s', 'get', 'second'), undefined);
  assert.deepEqual(await next.hold('s', 'get', 'second'), { told: 7, taken: 4 });
  assert.deepEqual(await next.take('s', 'get', 'second'), [{ id: waiting, data: '"d"' }]);
  assert.match(await append(next, 's', 'call', undefined), /^6\./);
});

test('forgets the session that was not used for longest when nothing else makes room', { skip }, async (t) => {
  const clock = manualClock();
  const log = openLog(t, { clock, maxBytes: 100_000 });
  const ids: Record<string, string> = {};
  for (const session of ['s1', 's2', 's3', 's4']) {
    ids[session] = await append(log, session, 'one', large(10_000));
    clock.advance(1);
  }
  await log.touch('s1');
  clock.advance(1);
  await append(log, 's5', 'one', large(10_000));
  assert.deepEqual(await held(log, ids), { s1: 0, s2: undefined, s3: 0, s4: 0 });
});

test('forgets what has expired in pages, and shows none of it in the meantime', { skip }, async (t) => {
  const [clock, database] = [manualClock(), openDatabase(t)];
  const log = new SqliteEventLog({ clock, database, maxAgeMs: 1000 });
  const first = await append(log, 's0', 'one', '"a"');
  for (let i = 1; i < 250; i += 1) await append(log, `s${i}`, 'one', '"a"');
  clock.advance(1000);
  const count = () => database.prepare<{ logs: number }>('SELECT count(*) AS logs FROM logs').get()?.logs;
  assert.equal(await log.after('s249', first), undefined);
  const again = await append(log, 's249', 'one', '"b"');
  assert.equal(count(), 150);
  assert.equal((await log.after('s249', again))?.events.length, 0);
  await log.prune();
  assert.equal(count(), 1);
});
