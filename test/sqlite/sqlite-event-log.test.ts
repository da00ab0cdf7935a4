import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { SqliteEventLog, type SqliteEventLogOptions } from '../../src/sqlite/sqlite-event-log.ts';
import { append } from '../contracts/append.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';
import { manualClock } from '../support/clock.ts';
import { openDatabase, SKIP_WITHOUT_SQLITE as skip, withSqlite } from '../support/sqlite.ts';

withSqlite('event log contract: SQLite', () => {
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

test(
  'to keep the bytes for all, forgets ended streams first, then what may be lost, then unused sessions',
  { skip },
  async (t) => {
    const log = openLog(t, { maxBytes: 100_000 });
    const add = (session: string, stream: string, mayBeLost = false) =>
      append(log, session, stream, large(10_000), { mayBeLost });
    const ended = await add('s1', 'ended');
    await log.end('s1', 'ended');
    const running = await append(log, 's2', 'running', undefined);
    await add('s2', 'running', true);
    const unused = await add('s3', 'one');
    await add('s4', 'one');
    assert.deepEqual(await held(log, { s1: ended, s2: running, s3: unused }), { s1: 0, s2: 1, s3: 0 });
    await add('s5', 'one');
    assert.deepEqual(await held(log, { s1: ended, s2: running, s3: unused }), { s1: undefined, s2: 1, s3: 0 });
    await add('s6', 'one');
    assert.deepEqual(await held(log, { s2: running, s3: unused }), { s2: 0, s3: 0 });
    assert.equal((await log.after('s2', running))?.isComplete, false);
  },
);

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

test('counts right: keeps what fits, however much has gone before, and in the next process', { skip }, async (t) => {
  const bounds = { maxBytes: 100_000, maxBytesPerSession: 50_000 };
  const parts = { clock: manualClock(), database: openDatabase(t), ...bounds };
  const log = new SqliteEventLog(parts);
  for (let i = 0; i < 500; i += 1) {
    const [session, stream] = [`s${i % 3}`, `stream-${Math.ceil(i / 5)}`];
    const id = await append(log, session, stream, large(1000), { mayBeLost: i % 2 === 0 });
    if (i % 5 === 0) await log.end(session, stream);
    if (i % 50 === 0) await log.delete(`s${(i / 50) % 3}`);
    if (i % 50 !== 0) assert.notEqual(await log.after(session, id), undefined);
  }
  for (const session of ['s0', 's1', 's2']) await log.delete(session);
  for (const next of [log, new SqliteEventLog(parts)]) {
    const ids: Record<string, string> = {};
    for (let i = 0; i < 30; i += 1) ids[`t${i}`] = await append(next, `t${i}`, 'one', large(1000));
    assert.equal(Object.values(await held(next, ids)).filter((count) => count !== undefined).length, 30);
    for (let i = 0; i < 30; i += 1) await next.delete(`t${i}`);
  }
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

/** How many events are held after each of these; `undefined` if its stream is forgotten. */
async function held(log: EventLog, ids: Record<string, string>): Promise<Record<string, number | undefined>> {
  const found = Object.entries(ids).map(
    async ([session, id]) => [session, (await log.after(session, id))?.events.length] as const,
  );
  return Object.fromEntries(await Promise.all(found));
}

function large(chars: number): string {
  return 'x'.repeat(chars);
}
