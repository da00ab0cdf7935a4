import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { append } from '../contracts/append.ts';
import { manualClock } from '../support/clock.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';

eventLogContract('memory', (options) => createMemoryEventLog(options));

test('to keep the bytes for all, forgets ended streams first, then what may be lost, then unused sessions', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000 });
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
  await log.touch('s2');
  await add('s7', 'one');
  assert.deepEqual(await held(log, { s2: running, s3: unused }), { s2: 0, s3: undefined });
});

test('bounds streams without a message as well', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000 });
  const first = await append(log, 's0', 'one', undefined);
  for (let i = 0; i < 1000; i += 1) await append(log, `s${i}`, 'one', undefined);
  assert.equal(await log.after('s0', first), undefined);
});

test('counts right: keeps what fits, however much has gone before', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000, maxBytesPerSession: 50_000 });
  for (let i = 0; i < 500; i += 1) {
    const [session, stream] = [`s${i % 3}`, `stream-${Math.ceil(i / 5)}`];
    const id = await append(log, session, stream, large(1000), { mayBeLost: i % 2 === 0 });
    if (i % 5 === 0) await log.end(session, stream);
    if (i % 50 === 0) await log.delete(`s${(i / 50) % 3}`);
    if (i % 50 !== 0) assert.notEqual(await log.after(session, id), undefined);
  }
  for (const session of ['s0', 's1', 's2']) await log.delete(session);
  const ids: Record<string, string> = {};
  for (let i = 0; i < 30; i += 1) ids[`t${i}`] = await append(log, `t${i}`, 'one', large(1000));
  assert.equal(Object.values(await held(log, ids)).filter((count) => count !== undefined).length, 30);
});

test('forgets unused sessions when another is appended to', async () => {
  const clock = manualClock();
  const log = createMemoryEventLog({ clock, maxAgeMs: 1000 });
  const abandoned = await append(log, 'abandoned', 'one', undefined);
  clock.advance(1000);
  await append(log, 'other', 'one', undefined);
  // Set back, the clock shows what is held rather than what is young enough to be shown.
  clock.advance(-1000);
  assert.equal(await log.after('abandoned', abandoned), undefined);
});

test('keeps a thousand events and 1 MiB of a stream, 4 MiB of a session, for five minutes unless told otherwise', async () => {
  const clock = manualClock();
  const log = createMemoryEventLog({ clock });
  const isComplete = async (session: string, id: string) => (await log.after(session, id))?.isComplete;
  const first = await append(log, 'events', 'one', undefined);
  for (let i = 0; i < 1000; i += 1) await append(log, 'events', 'one', '', { mayBeLost: true });
  assert.equal(await isComplete('events', first), true);
  await append(log, 'events', 'one', '', { mayBeLost: true });
  assert.equal((await log.after('events', first))?.events.length, 1000);
  const few = await append(log, 'bytes', 'one', undefined);
  await append(log, 'bytes', 'one', large(520_000), { mayBeLost: true });
  assert.equal(await isComplete('bytes', few), true);
  await append(log, 'bytes', 'one', large(5000), { mayBeLost: true });
  assert.equal(await isComplete('bytes', few), false);

  const ended: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    ended.push(await append(log, 'session', `${i}`, large(500_000)));
    await log.end('session', `${i}`);
  }
  const kept = await Promise.all(ended.map(async (id) => (await log.after('session', id)) !== undefined));
  assert.deepEqual(kept, [false, true, true, true, true]);

  clock.advance(5 * 60_000 - 1);
  assert.equal(await isComplete('session', ended[4] ?? ''), true);
  clock.advance(1);
  assert.equal(await log.after('session', ended[4] ?? ''), undefined);
});

test('loses what a stream says when the running streams of a session exceed its bytes, and nothing of other sessions', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytesPerSession: 100_000 });
  const other = await append(log, 'other', 'one', undefined);
  await append(log, 'other', 'one', large(1000), { mayBeLost: true });
  const ids: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    ids.push(await append(log, 's', `${i}`, undefined));
    await append(log, 's', `${i}`, large(5000), { mayBeLost: true });
  }
  const counts = await Promise.all(ids.map(async (id) => (await log.after('s', id))?.events.length));
  assert.deepEqual(counts, [...Array<number>(9).fill(1), ...Array<number>(11).fill(0)]);
  assert.equal((await log.after('other', other))?.events.length, 1);
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
