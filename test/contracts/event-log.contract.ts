/** The contract of `EventLog`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import type { EventLog, LaterEvents, LoggedEvent } from '../../src/contracts/event-log.ts';
import { waitFor } from '../support/time.ts';
import { append } from './append.ts';
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

    test('gives each event of a stream to its holder once', async (t) => {
      const { log } = await setUp(t);
      assert.equal(await log.take('s', 'get', 'me'), undefined, 'there is none yet');
      await append(log, 's', 'get', undefined);
      const a = await append(log, 's', 'get', message('a'), { mayBeLost: true });
      await append(log, 's', 'other', message('x'));
      const b = await append(log, 's', 'get', message('b'), { mayBeLost: true });
      assert.deepEqual(await log.hold('s', 'get', 'me'), { told: 0, taken: 0 });
      assert.deepEqual(await log.take('s', 'get', 'me'), [
        { id: a, data: message('a') },
        { id: b, data: message('b') },
      ]);
      assert.deepEqual(await log.take('s', 'get', 'me'), []);
      const c = await append(log, 's', 'get', message('c'));
      const taken = await Promise.all([log.take('s', 'get', 'me'), log.take('s', 'get', 'me')]);
      assert.deepEqual(taken.flat(), [{ id: c, data: message('c') }]);
    });

    test('gives nothing to an earlier holder, and the new one what nobody has been given', async (t) => {
      const { log } = await setUp(t);
      await log.hold('s', 'get', 'first');
      await append(log, 's', 'get', message('a'));
      assert.deepEqual(texts(await log.take('s', 'get', 'first')), [message('a')]);
      await append(log, 's', 'get', message('b'));
      await log.hold('s', 'get', 'second');
      assert.equal(await log.take('s', 'get', 'first'), undefined);
      assert.equal(await log.append('s', 'get', message('late'), { holder: 'first' }), undefined);
      await append(log, 's', 'get', message('c'), { holder: 'second' });
      await append(log, 's', 'get', message('d'));
      assert.deepEqual(texts(await log.take('s', 'get', 'second')), ['b', 'c', 'd'].map(message));
    });

    test('gives and takes nothing as long as nobody holds a stream, nor to a holder before the log was forgotten', async (t) => {
      const { log } = await setUp(t);
      await append(log, 's', 'get', message('a'));
      assert.equal(await log.append('s', 'get', message('b'), { holder: 'me' }), undefined);
      assert.equal(await log.take('s', 'get', 'me'), undefined);
      await log.hold('s', 'get', 'me');
      assert.deepEqual(texts(await log.take('s', 'get', 'me')), [message('a')]);
      await log.delete('s');
      await append(log, 's', 'get', message('c'));
      assert.equal(await log.append('s', 'get', message('d'), { holder: 'me' }), undefined);
      assert.equal(await log.take('s', 'get', 'me'), undefined);
    });

    test('goes back to an event that the holder names', async (t) => {
      const { log } = await setUp(t);
      await log.hold('s', 'get', 'first');
      const primed = await append(log, 's', 'get', undefined);
      const a = await append(log, 's', 'get', message('a'), { mayBeLost: true });
      await append(log, 's', 'get', message('b'), { mayBeLost: true, told: 7 });
      await log.take('s', 'get', 'first');
      assert.deepEqual(await log.hold('s', 'get', 'second', a), { told: 7, taken: 2 });
      assert.deepEqual(texts(await log.take('s', 'get', 'second')), [message('b')]);
      assert.deepEqual(await log.hold('s', 'get', 'third', primed), { told: 7, taken: 1 });
      assert.deepEqual(texts(await log.take('s', 'get', 'third')), ['a', 'b'].map(message));
    });

    test('gives events again to a holder that has not got them', async (t) => {
      const { log } = await setUp(t);
      await append(log, 's', 'other', message('x'));
      for (const text of ['a', 'b']) await append(log, 's', 'get', message(text), { mayBeLost: true });
      await log.hold('s', 'get', 'first');
      for (const [after, expected] of [
        [0, ['a', 'b']],
        [2, ['b']],
        [3, []],
      ] as const) {
        assert.deepEqual(texts(await log.take('s', 'get', 'first', after)), expected.map(message), `after ${after}`);
        assert.deepEqual(await log.take('s', 'get', 'first'), []);
      }
      assert.equal(await log.take('s', 'get', 'second', 0), undefined);
      assert.deepEqual(await log.hold('s', 'get', 'second'), { told: 0, taken: 3 });
    });

    test('lets nobody hold a stream after an event that it does not know, and begins it anew for the next', async (t) => {
      const { log } = await setUp(t);
      await log.hold('s', 'get', 'first');
      const lost = await append(log, 's', 'get', message('x'), { mayBeLost: true });
      const foreign = await append(log, 'other', 'get', message('x'));
      for (let i = 0; i <= MAX_EVENTS; i += 1)
        await append(log, 's', 'get', message(`${i}`), { mayBeLost: true, told: i });
      const kept = Array.from({ length: MAX_EVENTS }, (_, index) => message(`${index + 1}`));
      for (const id of [lost, foreign, 'x']) {
        await log.take('s', 'get', 'first');
        assert.equal(await log.hold('s', 'get', 'second', id), undefined, id);
        for (const holder of ['first', 'second', '']) assert.equal(await log.take('s', 'get', holder), undefined, id);
        assert.deepEqual(await log.hold('s', 'get', 'first'), { told: 0, taken: 0 }, id);
        assert.deepEqual(texts(await log.take('s', 'get', 'first')), kept, id);
      }
      assert.equal(await log.hold('unknown', 'get', 'me', lost), undefined);
    });

    test('says who owes which answers, until each is there', async (t) => {
      const { log } = await setUp(t);
      const owed = { node: 'n', calls: [1, '1', 'b'] };
      const first = await append(log, 's', 'one', undefined, { owes: owed });
      assert.deepEqual((await log.after('s', first))?.owed, owed);
      await append(log, 's', 'one', message('progress'), { mayBeLost: true });
      await append(log, 's', 'one', message('answer'), { settles: '1' });
      assert.deepEqual((await log.after('s', first))?.owed, { node: 'n', calls: [1, 'b'] });
      for (const settles of ['1', 'c', '']) {
        assert.equal(await log.append('s', 'one', message('again'), { settles }), undefined, 'not owed');
      }
      assert.equal(await log.append('s', 'unknown', message('x'), { settles: 1 }), undefined);
      await append(log, 's', 'one', message('answer'), { settles: 'b' });
      await append(log, 's', 'one', message('answer'), { settles: 1 });
      const found = await log.after('s', first);
      assert.deepEqual([found?.owed?.calls, found?.hasEnded], [[], false]);
      assert.deepEqual(texts(found), ['progress', 'answer', 'answer', 'answer'].map(message));
    });

    test('keeps nothing of a stream that has ended, and says that it has', async (t) => {
      const { log } = await setUp(t);
      const first = await append(log, 's', 'one', undefined, { owes: { node: 'n', calls: [1] } });
      await log.end('s', 'one');
      assert.equal(await log.append('s', 'one', message('late')), undefined);
      assert.equal(await log.append('s', 'one', message('late'), { settles: 1 }), undefined);
      const found = await log.after('s', first);
      assert.deepEqual([found?.hasEnded, found?.events], [true, []]);
    });

    test('wakes who follows a session when something is appended, ends or has another holder, and nobody else', async (t) => {
      const { log } = await setUp(t);
      const woken: string[] = [];
      const other: string[] = [];
      const leave = await log.follow('s', (streamId) => void woken.push(streamId));
      const leaveOther = await log.follow('other', (streamId) => void other.push(streamId));
      await append(log, 's', 'appended', message('a'));
      await waitFor(() => woken.includes('appended'));
      await append(log, 's', 'ended', undefined);
      await waitFor(() => woken.includes('ended'));
      woken.length = 0;
      await log.end('s', 'ended');
      await waitFor(() => woken.includes('ended'));
      await log.hold('s', 'held', 'me');
      await waitFor(() => woken.includes('held'));
      leave();
      woken.length = 0;
      await append(log, 's', 'later', message('b'));
      await append(log, 'other', 'one', message('c'));
      await waitFor(() => other.includes('one'));
      assert.deepEqual(woken, []);
      assert.ok(other.every((streamId) => streamId === 'one'));
      leaveOther();
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
  });
}

function texts(found: Pick<LaterEvents, 'events'> | LoggedEvent[] | undefined): string[] {
  const events = Array.isArray(found) ? found : found?.events;
  return events?.map(({ data }) => data) ?? [];
}

function message(text: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });
}
