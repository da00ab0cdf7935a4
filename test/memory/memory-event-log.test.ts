import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { manualClock } from '../support/clock.ts';
import { eventLogContract } from './event-log.contract.ts';

eventLogContract('memory', (options) => createMemoryEventLog(options));

test('forgets the oldest events of all sessions beyond the bytes for all', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000 });
  const ids: [session: string, id: string][] = [];
  for (let i = 0; i < 20; i += 1) ids.push([`s${i % 7}`, await log.append(`s${i % 7}`, 'one', large(10_000))]);
  const held = await Promise.all(ids.map(async ([session, id]) => (await log.after(session, id)) !== undefined));
  const firstHeld = held.indexOf(true);
  assert.ok(firstHeld >= 10, 'at most ten fit');
  assert.ok(held.slice(firstHeld).every(Boolean), 'the oldest went first');
});

test('keeps what fits into the bytes for a session, however many went before', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytesPerSession: 100_000 });
  const ids: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    ids.push(await log.append('s', 'one', large(2000)));
    const held = await Promise.all(ids.map((id) => log.after('s', id)));
    const count = held.filter((events) => events !== undefined).length;
    assert.ok(count >= Math.min(ids.length, 20) && count <= 50, `${count} of ${ids.length}`);
  }
});

test('bounds events without a message as well', async () => {
  const log = createMemoryEventLog({ clock: manualClock(), maxBytes: 100_000 });
  const first = await log.append('s0', 'one', undefined);
  for (let i = 0; i < 1000; i += 1) await log.append(`s${i}`, 'one', undefined);
  assert.equal(await log.after('s0', first), undefined);
});

test('forgets expired events of unused sessions', async () => {
  const clock = manualClock();
  const log = createMemoryEventLog({ clock, maxAgeMs: 1000 });
  const abandoned = await log.append('abandoned', 'one', undefined);
  clock.advance(1000);
  await log.append('other', 'one', undefined);
  // Set back, the clock shows what is held rather than what is young enough to be shown.
  clock.advance(-1000);
  assert.equal(await log.after('abandoned', abandoned), undefined);
});

test('keeps a thousand events, a mebibyte and five minutes of a session unless told otherwise', async () => {
  const clock = manualClock();
  const log = createMemoryEventLog({ clock });
  const first = await log.append('s', 'one', undefined);
  for (let i = 1; i < 1000; i += 1) await log.append('s', 'one', undefined);
  assert.equal((await log.after('s', first))?.events.length, 999);
  await log.append('s', 'one', undefined);
  assert.equal(await log.after('s', first), undefined);

  const held = await log.append('bytes', 'one', large(200_000));
  await log.append('bytes', 'one', large(200_000));
  assert.equal((await log.after('bytes', held))?.events.length, 1);
  await log.append('bytes', 'one', large(200_000));
  assert.equal(await log.after('bytes', held), undefined);

  const last = await log.append('s', 'one', undefined);
  clock.advance(5 * 60_000 - 1);
  assert.notEqual(await log.after('s', last), undefined);
  clock.advance(1);
  assert.equal(await log.after('s', last), undefined);
});

function large(chars: number): string {
  return 'x'.repeat(chars);
}
