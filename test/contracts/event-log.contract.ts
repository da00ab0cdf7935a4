/** The contract of `EventLog`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { append, message, texts } from './append.ts';
import { followingContract } from './event-log-following.contract.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';

const MAX_EVENTS = 10;
const MAX_BYTES = 100_000;
const MAX_AGE_MS = 60_000;
const BOUNDS = {
  maxEventsPerStream: MAX_EVENTS,
  maxBytesPerStream: MAX_BYTES,
  maxBytesPerSession: 4 * MAX_BYTES,
  maxAgeMs: MAX_AGE_MS,
};

/** What `after` says of a stream that has lost nothing, goes on, and answers no calls. */
const RUNNING = { isComplete: true, hasEnded: false, owed: undefined };

/** What a log is made from; `t.after` is the place to clean up. */
export type MakeLog = (options: typeof BOUNDS & { clock: Clock }, t: TestContext) => EventLog | Promise<EventLog>;

/** Tests the contract on the logs that `makeLog` returns. Each must be new and empty. */
export function eventLogContract(name: string, makeLog: MakeLog): void {
  async function setUp(t: TestContext): Promise<{ log: EventLog; clock: ManualClock }> {
    const clock = manualClock();
    return { log: await makeLog({ clock, ...BOUNDS }, t), clock };
  }

  describe(`event log contract: ${name}`, () => {
    test('returns the later events of a stream, and of no other', async (t) => {
      const { log } = await setUp(t);
      const ids: string[] = [];
      for (const [stream, text] of [
        ['one', 'a'],
        ['_GET_stream', 'b'],
        ['one', 'c'],
        ['_GET_stream', 'd'],
        ['one', 'e'],
      ] as const) {
        ids.push(await append(log, 's', stream, message(text)));
      }
      const [a = '', b = '', c = '', d = '', e = ''] = ids;
      const one = [
        { id: c, data: message('c') },
        { id: e, data: message('e') },
      ];
      assert.deepEqual(await log.after('s', a), { streamId: 'one', events: one, ...RUNNING });
      assert.deepEqual(await log.after('s', c), { streamId: 'one', events: one.slice(1), ...RUNNING });
      assert.deepEqual(await log.after('s', e), { streamId: 'one', events: [], ...RUNNING });
      assert.deepEqual(await log.after('s', b), {
        streamId: '_GET_stream',
        events: [{ id: d, data: message('d') }],
        ...RUNNING,
      });
    });

    test('gives every event of a session a unique id that fits into a header and a line of a stream', async (t) => {
      const { log } = await setUp(t);
      const ids = new Set<string>();
      for (let i = 0; i < 100; i += 1) ids.add(await append(log, 's', `stream-${i % 3}`, message('x')));
      assert.equal(ids.size, 100);
      for (const id of ids) assert.match(id, /^[\x21-\x7e]+$/);
    });

    test('keeps a message as it was', async (t) => {
      const { log } = await setUp(t);
      const first = await append(log, 's', 'one', undefined);
      await append(log, 's', 'one', message('ü "quoted" \u2028 日本 🐈\n'));
      const found = await log.after('s', first);
      assert.deepEqual(found?.events[0]?.data, message('ü "quoted" \u2028 日本 🐈\n'));
    });

    test('numbers events without a message, and returns none of them', async (t) => {
      const { log } = await setUp(t);
      const first = await append(log, 's', 'one', undefined);
      await append(log, 's', 'one', message('a'));
      const last = await append(log, 's', 'one', undefined);
      assert.deepEqual(texts(await log.after('s', first)), [message('a')]);
      assert.deepEqual(texts(await log.after('s', last)), []);
    });

    test('keeps the order of appends that do not wait for each other', async (t) => {
      const { log } = await setUp(t);
      const first = await append(log, 's', 'one', undefined);
      const ids = await Promise.all(['a', 'b', 'c', 'd'].map((text) => append(log, 's', 'one', message(text))));
      const found = await log.after('s', first);
      assert.deepEqual(
        found?.events.map(({ id }) => id),
        ids,
      );
      assert.deepEqual(
        found?.events.map(({ data }) => data),
        ['a', 'b', 'c', 'd'].map(message),
      );
    });

    test('does not hold events of other sessions, nor what never was one', async (t) => {
      const { log } = await setUp(t);
      const own = await append(log, 's', 'one', message('a'));
      const foreign = await append(log, 'other', 'one', message('b'));
      for (const id of [foreign, '', '0', 'x', `${own}0`, `0${own}`, own.toUpperCase() + own, '*', '__proto__']) {
        assert.equal(await log.after('s', id), undefined, id);
      }
      assert.equal(await log.after('other', own), undefined);
      assert.equal(await log.after('unknown', own), undefined);
    });

    test('forgets a session, and does not take its ids for those of a later life', async (t) => {
      const { log } = await setUp(t);
      const ids = [await append(log, 's', 'one', message('a')), await append(log, 's', 'one', message('b'))];
      const kept = await append(log, 'other', 'one', message('c'));
      await log.delete('s');
      await log.delete('never there');
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      const again = [await append(log, 's', 'one', message('d')), await append(log, 's', 'one', message('e'))];
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      assert.equal((await log.after('s', again[0] ?? ''))?.events.length, 1);
      assert.deepEqual(texts(await log.after('other', kept)), []);
    });

    test('resumes a stream from any of its events until it ends, whatever was lost', async (t) => {
      const { log, clock } = await setUp(t);
      const other = await append(log, 's', 'other', undefined);
      const first = await append(log, 's', 'one', undefined);
      for (let i = 0; i < 3 * MAX_EVENTS; i += 1) await append(log, 's', 'one', message(`${i}`), { mayBeLost: true });
      await append(log, 's', 'one', message('answer'));
      for (let i = 0; i < 4; i += 1) {
        clock.advance(MAX_AGE_MS - 1);
        await log.touch('s');
      }
      const found = await log.after('s', first);
      assert.equal(found?.isComplete, false);
      assert.equal(found.events.length, MAX_EVENTS);
      assert.equal(found.events.at(-1)?.data, message('answer'));
      assert.deepEqual(await log.after('s', other), { streamId: 'other', events: [], ...RUNNING });
    });

    test('returns what is complete after the last event that was lost', async (t) => {
      const { log } = await setUp(t);
      const ids: string[] = [];
      for (let i = 0; i < MAX_EVENTS + 3; i += 1)
        ids.push(await append(log, 's', 'one', message(`${i}`), { mayBeLost: true }));
      const complete = await Promise.all(ids.map(async (id) => (await log.after('s', id))?.isComplete));
      assert.deepEqual(
        complete,
        ids.map((_, index) => index >= 2),
      );
    });

    test('never loses what may not be lost, for all that follows on its stream', async (t) => {
      const { log } = await setUp(t);
      const first = await append(log, 's', 'one', undefined);
      await append(log, 's', 'one', message('question'));
      for (let i = 0; i < 3 * MAX_EVENTS; i += 1)
        await append(log, 's', 'one', message('x'.repeat(MAX_BYTES / 5)), { mayBeLost: true });
      const large = message('x'.repeat(MAX_BYTES));
      await append(log, 's', 'one', large);
      assert.deepEqual(texts(await log.after('s', first)), [message('question'), large]);
    });

    test('loses nothing of a stream because of another that is chatty', async (t) => {
      const { log } = await setUp(t);
      const quiet = await append(log, 's', 'quiet', undefined);
      await append(log, 's', 'quiet', message('a'), { mayBeLost: true });
      for (let i = 0; i < 20 * MAX_EVENTS; i += 1)
        await append(log, 's', 'chatty', message('x'.repeat(1000)), { mayBeLost: true });
      const found = await log.after('s', quiet);
      assert.deepEqual(texts(found), [message('a')]);
      assert.equal(found?.isComplete, true);
    });

    test('forgets the streams of a session that ended first to make room, but neither the last nor one that runs', async (t) => {
      const { log } = await setUp(t);
      const other = await append(log, 'other', 'one', message('x'));
      const running = await append(log, 's', 'running', message('x'.repeat(MAX_BYTES / 4)));
      const ids: string[] = [];
      for (let i = 0; i < 8; i += 1) {
        ids.push(await append(log, 's', `ended-${i}`, undefined));
        await append(log, 's', `ended-${i}`, message('x'.repeat(MAX_BYTES / 3)));
        await log.end('s', `ended-${i}`);
      }
      const held = await Promise.all(ids.map(async (id) => (await log.after('s', id)) !== undefined));
      const firstHeld = held.indexOf(true);
      assert.ok(firstHeld > 2, 'no more than four fit');
      assert.ok(held.slice(firstHeld).every(Boolean), 'the oldest went first');
      const large = await append(log, 's', 'large', undefined);
      await append(log, 's', 'large', message('x'.repeat(5 * MAX_BYTES)));
      await log.end('s', 'large');
      assert.equal(texts(await log.after('s', large)).length, 1);
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      assert.notEqual(await log.after('s', running), undefined);
      assert.notEqual(await log.after('other', other), undefined);
    });

    test('forgets a stream that ended the maximum age ago, not one that runs', async (t) => {
      const { log, clock } = await setUp(t);
      const ended = await append(log, 's', 'ended', message('a'));
      const running = await append(log, 's', 'running', message('b'));
      clock.advance(MAX_AGE_MS);
      await log.touch('s');
      await log.end('s', 'ended');
      await log.end('s', 'ended');
      await log.end('s', 'unknown');
      await log.end('unknown', 'ended');
      clock.advance(MAX_AGE_MS - 1);
      await log.touch('s');
      assert.notEqual(await log.after('s', ended), undefined);
      clock.advance(1);
      await log.prune();
      assert.equal(await log.after('s', ended), undefined);
      assert.notEqual(await log.after('s', running), undefined);
    });

    test('forgets a session that nothing was appended to, and that was not touched, for the maximum age', async (t) => {
      const { log, clock } = await setUp(t);
      const id = await append(log, 's', 'one', message('a'));
      await log.touch('unknown');
      clock.advance(MAX_AGE_MS - 1);
      await log.touch('s');
      clock.advance(MAX_AGE_MS - 1);
      await append(log, 's', 'two', message('b'));
      clock.advance(MAX_AGE_MS - 1);
      assert.notEqual(await log.after('s', id), undefined);
      clock.advance(1);
      await log.prune();
      assert.equal(await log.after('s', id), undefined);
    });

    followingContract(setUp, MAX_EVENTS);
  });
}
