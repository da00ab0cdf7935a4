/** The bound on all sessions together, for engines that have one themselves. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { append } from './append.ts';

/** Returns what opens a new log: once, and again as the next process would. A log that ends with its process stays the same. */
export type MakeOpen = (
  options: { clock: ManualClock; maxBytes: number; maxBytesPerSession?: number },
  t: TestContext,
) => () => EventLog;

/** Tests it on the logs that are opened. */
export function eventLogBoundsContract(name: string, makeOpen: MakeOpen): void {
  test(`${name}: to keep the bytes for all, forgets ended streams first, then what may be lost, then unused sessions`, async (t) => {
    const clock = manualClock();
    const log = makeOpen({ clock, maxBytes: 100_000 }, t)();
    const add = (session: string, stream: string, mayBeLost = false) => {
      clock.advance(1);
      return append(log, session, stream, large(10_000), { mayBeLost });
    };
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
    clock.advance(1);
    await log.touch('s2');
    await add('s7', 'one');
    assert.deepEqual(await held(log, { s2: running, s3: unused }), { s2: 0, s3: undefined });
  });

  test(`${name}: counts right: keeps what fits, however much has gone before`, async (t) => {
    const open = makeOpen({ clock: manualClock(), maxBytes: 100_000, maxBytesPerSession: 50_000 }, t);
    const log = open();
    for (let i = 0; i < 500; i += 1) {
      const [session, stream] = [`s${i % 3}`, `stream-${Math.ceil(i / 5)}`];
      const id = await append(log, session, stream, large(1000), { mayBeLost: i % 2 === 0 });
      if (i % 5 === 0) await log.end(session, stream);
      if (i % 50 === 0) await log.delete(`s${(i / 50) % 3}`);
      if (i % 50 !== 0) assert.notEqual(await log.after(session, id), undefined);
    }
    for (const session of ['s0', 's1', 's2']) await log.delete(session);
    for (const next of [log, open()]) {
      const ids: Record<string, string> = {};
      for (let i = 0; i < 30; i += 1) ids[`t${i}`] = await append(next, `t${i}`, 'one', large(1000));
      assert.equal(Object.values(await held(next, ids)).filter((count) => count !== undefined).length, 30);
      for (let i = 0; i < 30; i += 1) await next.delete(`t${i}`);
    }
  });
}

/** How many events are held after each of these; `undefined` if its stream is forgotten. */
export async function held(log: EventLog, ids: Record<string, string>): Promise<Record<string, number | undefined>> {
  const found = Object.entries(ids).map(
    async ([session, id]) => [session, (await log.after(session, id))?.events.length] as const,
  );
  return Object.fromEntries(await Promise.all(found));
}

/** Data of so many characters. */
export function large(chars: number): string {
  return 'x'.repeat(chars);
}
