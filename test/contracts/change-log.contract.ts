/** The contract of `ChangeLog`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog } from '../../src/contracts/change-log.ts';

const MAX_CHANGES = 10;

/** What a log is made from; `t.after` is the place to clean up. */
export type MakeLog = (options: { maxChanges: number }, t: TestContext) => ChangeLog | Promise<ChangeLog>;

const TOOLS: ServerEvent = { kind: 'tools_list_changed' };
const PROMPTS: ServerEvent = { kind: 'prompts_list_changed' };
const updated = (uri: string): ServerEvent => ({ kind: 'resource_updated', uri });

/** Tests the contract on the logs that `makeLog` returns. Each must be new and empty. */
export function changeLogContract(name: string, makeLog: MakeLog): void {
  describe(`change log contract: ${name}`, () => {
    test('tells listeners of each event, in order, with the number of the last', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      const heard: [ServerEvent, number][] = [];
      const isTold = new Promise<void>((resolve) => {
        log.subscribe((event) => {
          heard.push([event, log.last]);
          if (heard.length === 3) resolve();
        });
      });
      assert.equal(log.last, 0);
      for (const event of [TOOLS, updated('a'), TOOLS]) log.publish(event);
      await isTold;
      const numbers = heard.map(([, number]) => number);
      assert.deepEqual(
        heard.map(([event]) => event),
        [TOOLS, updated('a'), TOOLS],
      );
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
      assert.equal(new Set(numbers).size, 3);
    });

    test('tells a listener nothing after it has left, and goes on when one fails', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      const heard: string[] = [];
      const leave = log.subscribe(() => void heard.push('left'));
      leave();
      log.subscribe(() => {
        throw new Error('a listener failed');
      });
      await new Promise<void>((resolve) => {
        log.subscribe(() => resolve());
        log.publish(TOOLS);
      });
      assert.deepEqual(heard, []);
    });

    test('says what has changed since, each list and resource once, in the order of the last change', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      await publishAll(log, [TOOLS, updated('a'), updated('b'), TOOLS, updated('a')]);
      assert.deepEqual(await log.since(0), {
        events: [updated('b'), TOOLS, updated('a')],
        isComplete: true,
        last: log.last,
      });
      const { last } = log;
      await publishAll(log, [PROMPTS]);
      assert.deepEqual((await log.since(last)).events, [PROMPTS]);
      assert.deepEqual((await log.since(log.last)).events, []);
    });

    test('keeps the parameters of the last event', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      const params = { _meta: { note: 'ü \u2028 🐈' } };
      await publishAll(log, [
        { ...updated('a'), params: { _meta: { note: 'old' } } },
        { ...updated('a'), params },
      ]);
      assert.deepEqual((await log.since(0)).events, [{ ...updated('a'), params }]);
    });

    test('forgets the oldest when there are too many, and says so to whoever has not heard of them', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      await publishAll(log, [updated('first')]);
      const heardOfFirst = log.last;
      await publishAll(
        log,
        Array.from({ length: MAX_CHANGES }, (_, index) => updated(`${index}`)),
      );
      const found = await log.since(0);
      assert.deepEqual([found.isComplete, found.events.length], [false, MAX_CHANGES]);
      const later = await log.since(heardOfFirst);
      assert.deepEqual([later.isComplete, later.events.length], [true, MAX_CHANGES]);
    });

    test('says that it does not know what has changed since a change that it has not had', async (t) => {
      const log = await makeLog({ maxChanges: MAX_CHANGES }, t);
      await publishAll(log, [TOOLS]);
      assert.equal((await log.since(log.last)).isComplete, true);
      assert.equal((await log.since(log.last + 1)).isComplete, false);
    });
  });
}

/** Publishes events and waits until listeners have been told of the last. */
async function publishAll(log: ChangeLog, events: ServerEvent[]): Promise<void> {
  let told = 0;
  await new Promise<void>((resolve) => {
    const leave = log.subscribe(() => {
      told += 1;
      if (told < events.length) return;
      leave();
      resolve();
    });
    for (const event of events) log.publish(event);
  });
}
