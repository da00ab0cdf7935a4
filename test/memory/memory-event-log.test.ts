import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { append } from '../contracts/append.ts';
import { manualClock } from '../support/clock.ts';
import { eventLogBoundsContract, large } from '../contracts/event-log-bounds.contract.ts';
import { eventLogContract } from '../contracts/event-log.contract.ts';

eventLogContract('memory', (options) => createMemoryEventLog(options));

eventLogBoundsContract('memory', (options) => {
  const log = createMemoryEventLog(options);
  return () => log;
});

test('bounds streams without a message as well', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000 });
  const first = await append(log, 's0', 'one', undefined);
  for (let i = 0; i < 1000; i += 1) await append(log, `s${i}`, 'one', undefined);
  assert.equal(await log.after('s0', first), undefined);
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
