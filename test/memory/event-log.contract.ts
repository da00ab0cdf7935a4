/** The contract of `EventLog`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import type { EventLog } from '../../src/sessions/event-log.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';

const MAX_EVENTS = 10;
const MAX_BYTES = 100_000;
const MAX_AGE_MS = 60_000;

/** What a log is made from; `t.after` is the place to clean up. */
export type MakeLog = (
  options: { clock: Clock; maxEventsPerSession: number; maxBytesPerSession: number; maxAgeMs: number },
  t: TestContext,
) => EventLog | Promise<EventLog>;

/** Tests the contract on the logs that `makeLog` returns. Each must be new and empty. */
export function eventLogContract(name: string, makeLog: MakeLog): void {
  async function setUp(t: TestContext): Promise<{ log: EventLog; clock: ManualClock }> {
    const clock = manualClock();
    const bounds = { maxEventsPerSession: MAX_EVENTS, maxBytesPerSession: MAX_BYTES, maxAgeMs: MAX_AGE_MS };
    return { log: await makeLog({ clock, ...bounds }, t), clock };
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
      assert.deepEqual(await log.after('s', a), { streamId: 'one', events: one });
      assert.deepEqual(await log.after('s', c), { streamId: 'one', events: one.slice(1) });
      assert.deepEqual(await log.after('s', e), { streamId: 'one', events: [] });
      assert.deepEqual(await log.after('s', b), {
        streamId: '_GET_stream',
        events: [{ id: d, data: message('d') }],
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

    test('keeps events without a message in their place', async (t) => {
      const { log } = await setUp(t);
      const first = await log.append('s', 'one', undefined);
      await log.append('s', 'one', message('a'));
      await log.append('s', 'one', undefined);
      const found = await log.after('s', first);
      assert.deepEqual(
        found?.events.map(({ data }) => data),
        [message('a'), undefined],
      );
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
      assert.deepEqual(await log.after('other', kept), { streamId: 'one', events: [] });
    });

    test('forgets the oldest events of a session beyond its number, and holds all that came later', async (t) => {
      const { log } = await setUp(t);
      const other = await log.append('other', 'one', message('x'));
      const ids: string[] = [];
      for (let i = 0; i < MAX_EVENTS + 3; i += 1) ids.push(await log.append('s', `stream-${i % 2}`, message(`${i}`)));
      for (const id of ids.slice(0, 3)) assert.equal(await log.after('s', id), undefined);
      for (const [index, id] of ids.entries()) {
        if (index < 3) continue;
        const found = await log.after('s', id);
        const expected = ids.filter((_, later) => later > index && later % 2 === index % 2);
        assert.deepEqual(
          found?.events.map((event) => event.id),
          expected,
        );
      }
      assert.notEqual(await log.after('other', other), undefined);
    });

    test('forgets the oldest events of a session beyond its bytes, those of others not', async (t) => {
      const { log } = await setUp(t);
      const other = await log.append('other', 'one', message('x'));
      const ids: string[] = [];
      for (let i = 0; i < 8; i += 1) ids.push(await log.append('s', 'one', message('x'.repeat(MAX_BYTES / 5))));
      const held = await Promise.all(ids.map(async (id) => (await log.after('s', id)) !== undefined));
      const firstHeld = held.indexOf(true);
      assert.ok(firstHeld > 2, 'at most five fit');
      assert.ok(held.slice(firstHeld).every(Boolean), 'what is held is complete');
      assert.notEqual(await log.after('other', other), undefined);
    });

    test('holds nothing of a session up to an event that is larger than all its bytes', async (t) => {
      const { log } = await setUp(t);
      const before = await log.append('s', 'one', message('a'));
      const large = await log.append('s', 'one', message('x'.repeat(MAX_BYTES + 1)));
      const after = await log.append('s', 'one', message('b'));
      assert.equal(await log.after('s', before), undefined);
      assert.equal(await log.after('s', large), undefined);
      assert.deepEqual(await log.after('s', after), { streamId: 'one', events: [] });
    });

    test('forgets events of the maximum age, later ones not', async (t) => {
      const { log, clock } = await setUp(t);
      const first = await log.append('s', 'one', message('a'));
      clock.advance(1);
      const second = await log.append('s', 'one', message('b'));
      clock.advance(MAX_AGE_MS - 2);
      assert.equal((await log.after('s', first))?.events.length, 1);
      clock.advance(1);
      await log.prune();
      assert.equal(await log.after('s', first), undefined);
      assert.deepEqual(await log.after('s', second), { streamId: 'one', events: [] });
      clock.advance(1);
      assert.equal(await log.after('s', second), undefined);
    });
  });
}

function message(text: string): string {
  return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });
}
