/** The contract of `EventLog`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import type { EventLog, LaterEvents } from '../../src/contracts/event-log.ts';
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
        ids.push(await log.append('s', stream, message(text)));
      }
      const [a = '', b = '', c = '', d = '', e = ''] = ids;
      const one = [
        { id: c, data: message('c') },
        { id: e, data: message('e') },
      ];
      assert.deepEqual(await log.after('s', a), { streamId: 'one', events: one, isComplete: true });
      assert.deepEqual(await log.after('s', c), { streamId: 'one', events: one.slice(1), isComplete: true });
      assert.deepEqual(await log.after('s', e), { streamId: 'one', events: [], isComplete: true });
      assert.deepEqual(await log.after('s', b), {
        streamId: '_GET_stream',
        events: [{ id: d, data: message('d') }],
        isComplete: true,
      });
    });

    test('gives every event of a session a unique id that fits into a header and a line of a stream', async (t) => {
      const { log } = await setUp(t);
      const ids = new Set<string>();
      for (let i = 0; i < 100; i += 1) ids.add(await log.append('s', `stream-${i % 3}`, message('x')));
      assert.equal(ids.size, 100);
      for (const id of ids) assert.match(id, /^[\x21-\x7e]+$/);
    });

    test('keeps a message as it was', async (t) => {
      const { log } = await setUp(t);
      const first = await log.append('s', 'one', undefined);
      await log.append('s', 'one', message('ü "quoted" \u2028 日本 🐈\n'));
      const found = await log.after('s', first);
      assert.deepEqual(found?.events[0]?.data, message('ü "quoted" \u2028 日本 🐈\n'));
    });

    test('numbers events without a message, and returns none of them', async (t) => {
      const { log } = await setUp(t);
      const first = await log.append('s', 'one', undefined);
      await log.append('s', 'one', message('a'));
      const last = await log.append('s', 'one', undefined);
      assert.deepEqual(texts(await log.after('s', first)), [message('a')]);
      assert.deepEqual(texts(await log.after('s', last)), []);
    });

    test('keeps the order of appends that do not wait for each other', async (t) => {
      const { log } = await setUp(t);
      const first = await log.append('s', 'one', undefined);
      const ids = await Promise.all(['a', 'b', 'c', 'd'].map((text) => log.append('s', 'one', message(text))));
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
      const own = await log.append('s', 'one', message('a'));
      const foreign = await log.append('other', 'one', message('b'));
      for (const id of [foreign, '', '0', 'x', `${own}0`, `0${own}`, own.toUpperCase() + own, '*', '__proto__']) {
        assert.equal(await log.after('s', id), undefined, id);
      }
      assert.equal(await log.after('other', own), undefined);
      assert.equal(await log.after('unknown', own), undefined);
    });

    test('forgets a session, and does not take its ids for those of a later life', async (t) => {
      const { log } = await setUp(t);
      const ids = [await log.append('s', 'one', message('a')), await log.append('s', 'one', message('b'))];
      const kept = await log.append('other', 'one', message('c'));
      await log.delete('s');
      await log.delete('never there');
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      const again = [await log.append('s', 'one', message('d')), await log.append('s', 'one', message('e'))];
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      assert.equal((await log.after('s', again[0] ?? ''))?.events.length, 1);
      assert.deepEqual(texts(await log.after('other', kept)), []);
    });

    test('has the tail of a stream, from the beginning if it does not know the event', async (t) => {
      const { log } = await setUp(t);
      assert.deepEqual(await log.tail('s', 'one'), []);
      const foreign = await log.append('other', 'one', message('x'));
      const primed = await log.append('s', 'one', undefined);
      const a = await log.append('s', 'one', message('a'), true);
      await log.append('s', 'two', message('y'));
      const b = await log.append('s', 'one', message('b'), true);
      const [first, second] = [
        { id: a, data: message('a') },
        { id: b, data: message('b') },
      ];
      for (const id of [undefined, primed, foreign, '', 'x']) {
        assert.deepEqual(await log.tail('s', 'one', id), [first, second], id);
      }
      assert.deepEqual(await log.tail('s', 'one', a), [second]);
      assert.deepEqual(await log.tail('s', 'one', b), []);
      await log.delete('s');
      const again = await log.append('s', 'one', message('c'), true);
      assert.deepEqual(await log.tail('s', 'one', b), [{ id: again, data: message('c') }], 'of a later life');
    });

    test('resumes a stream from any of its events until it ends, whatever was lost', async (t) => {
      const { log, clock } = await setUp(t);
      const other = await log.append('s', 'other', undefined);
      const first = await log.append('s', 'one', undefined);
      for (let i = 0; i < 3 * MAX_EVENTS; i += 1) await log.append('s', 'one', message(`${i}`), true);
      await log.append('s', 'one', message('answer'));
      for (let i = 0; i < 4; i += 1) {
        clock.advance(MAX_AGE_MS - 1);
        await log.touch('s');
      }
      const found = await log.after('s', first);
      assert.equal(found?.isComplete, false);
      assert.equal(found.events.length, MAX_EVENTS);
      assert.equal(found.events.at(-1)?.data, message('answer'));
      assert.deepEqual(await log.after('s', other), { streamId: 'other', events: [], isComplete: true });
    });

    test('returns what is complete after the last event that was lost', async (t) => {
      const { log } = await setUp(t);
      const ids: string[] = [];
      for (let i = 0; i < MAX_EVENTS + 3; i += 1) ids.push(await log.append('s', 'one', message(`${i}`), true));
      const complete = await Promise.all(ids.map(async (id) => (await log.after('s', id))?.isComplete));
      assert.deepEqual(
        complete,
        ids.map((_, index) => index >= 2),
      );
    });

    test('never loses what may not be lost, for all that follows on its stream', async (t) => {
      const { log } = await setUp(t);
      const first = await log.append('s', 'one', undefined);
      await log.append('s', 'one', message('question'));
      for (let i = 0; i < 3 * MAX_EVENTS; i += 1)
        await log.append('s', 'one', message('x'.repeat(MAX_BYTES / 5)), true);
      const large = message('x'.repeat(MAX_BYTES));
      await log.append('s', 'one', large);
      assert.deepEqual(texts(await log.after('s', first)), [message('question'), large]);
    });

    test('loses nothing of a stream because of another that is chatty', async (t) => {
      const { log } = await setUp(t);
      const quiet = await log.append('s', 'quiet', undefined);
      await log.append('s', 'quiet', message('a'), true);
      for (let i = 0; i < 20 * MAX_EVENTS; i += 1) await log.append('s', 'chatty', message('x'.repeat(1000)), true);
      const found = await log.after('s', quiet);
      assert.deepEqual(texts(found), [message('a')]);
      assert.equal(found?.isComplete, true);
    });

    test('forgets the streams of a session that ended first to make room, but neither the last nor one that runs', async (t) => {
      const { log } = await setUp(t);
      const other = await log.append('other', 'one', message('x'));
      const running = await log.append('s', 'running', message('x'.repeat(MAX_BYTES / 4)));
      const ids: string[] = [];
      for (let i = 0; i < 8; i += 1) {
        ids.push(await log.append('s', `ended-${i}`, undefined));
        await log.append('s', `ended-${i}`, message('x'.repeat(MAX_BYTES / 3)));
        await log.end('s', `ended-${i}`);
      }
      const held = await Promise.all(ids.map(async (id) => (await log.after('s', id)) !== undefined));
      const firstHeld = held.indexOf(true);
      assert.ok(firstHeld > 2, 'no more than four fit');
      assert.ok(held.slice(firstHeld).every(Boolean), 'the oldest went first');
      const large = await log.append('s', 'large', undefined);
      await log.append('s', 'large', message('x'.repeat(5 * MAX_BYTES)));
      await log.end('s', 'large');
      assert.equal(texts(await log.after('s', large)).length, 1);
      for (const id of ids) assert.equal(await log.after('s', id), undefined);
      assert.notEqual(await log.after('s', running), undefined);
      assert.notEqual(await log.after('other', other), undefined);
    });

    test('forgets a stream that ended the maximum age ago, not one that runs', async (t) => {
      const { log, clock } = await setUp(t);
      const ended = await log.append('s', 'ended', message('a'));
      const running = await log.append('s', 'running', message('b'));
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
      const id = await log.append('s', 'one', message('a'));
      await log.touch('unknown');
      clock.advance(MAX_AGE_MS - 1);
      await log.touch('s');
      clock.advance(MAX_AGE_MS - 1);
      await log.append('s', 'two', message('b'));
      clock.advance(MAX_AGE_MS - 1);
      assert.notEqual(await log.after('s', id), undefined);
      clock.advance(1);
      await log.prune();
      assert.equal(await log.after('s', id), undefined);
    });
  });
}

function texts(found: LaterEvents | undefined): string[] {
  return found?.events.map(({ data }) => data) ?? [];
}

function message(text: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });
}
