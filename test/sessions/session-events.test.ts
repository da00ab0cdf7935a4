import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { createMemoryRelay } from '../../src/memory/memory-relay.ts';
import { createSessionEvents } from '../../src/sessions/session-events.ts';
import type { StreamLog } from '../../src/streams/stream-log.ts';
import { manualClock } from '../support/clock.ts';

/** The events of a session whose log is unavailable for the first of them. */
async function withGap(streamId = 'call') {
  const log = createMemoryEventLog({ clock: manualClock() });
  let isAvailable = false;
  const eventLog: EventLog = {
    ...log,
    append: async (...event) => {
      if (!isAvailable) throw new UnavailableError('The engine is unavailable');
      return log.append(...event);
    },
  };
  let mended = 0;
  const onmend = () => void (mended += 1);
  const events = createSessionEvents({
    sessionId: 's',
    eventLog,
    relay: createMemoryRelay(),
    onerror: () => {},
    onmend,
  });
  await events.append(streamId, '1');
  assert.deepEqual([events.hasGap, mended], [true, 0]);
  isAvailable = true;
  return { events, mended: () => mended };
}

test('the events of a session have a gap when the log has gone back, so that no number names two of them', async () => {
  const log = createMemoryEventLog({ clock: manualClock() });
  const ids = ['1.00000000.call', '2.00000000.call', '2.00000000.call', '1.11111111.call'];
  const deleted: string[] = [];
  const eventLog: EventLog = {
    ...log,
    append: async () => ids.shift(),
    delete: async (sessionId) => void deleted.push(sessionId),
  };
  const options = { sessionId: 's', eventLog, relay: createMemoryRelay(), onerror: () => {}, onmend: () => {} };
  const events = createSessionEvents(options);
  assert.deepEqual(await events.append('call', '1'), { id: '1.00000000.call', isRefused: false });
  assert.deepEqual(await events.append('call', '2'), { id: '2.00000000.call', isRefused: false });
  assert.deepEqual(await events.append('call', '3'), { id: undefined, isRefused: false });
  assert.deepEqual([events.hasGap, deleted], [true, []]);
  assert.deepEqual(await events.append('call', '4'), { id: '1.11111111.call', isRefused: false });
  assert.deepEqual([events.hasGap, deleted], [false, ['s']]);
});

test('the events of a session take nothing on the stream of GET that was sent without the log', async () => {
  const { events } = await withGap('get');
  await events.take('holder', 0);
  assert.equal(events.hasGap, false);
  const other = await withGap();
  await other.events.take('holder', 0);
  assert.equal(other.events.hasGap, true, 'the stream of GET need not end for that of a call');
});

const ways: Record<string, (events: StreamLog) => Promise<unknown>> = {
  'an event is appended': async (events) => events.append('call', '2'),
  'a stream ends': async (events) => events.end('call'),
  'a GET stream is opened': (events) => events.hold('holder'),
  'they are looked after': (events) => events.mend(),
};

for (const [name, way] of Object.entries(ways)) {
  test(`the events of a session say, once, that they have no gap any more when ${name}`, async () => {
    const { events, mended } = await withGap();
    await way(events);
    assert.deepEqual([events.hasGap, mended()], [false, 1]);
    await way(events);
    assert.equal(mended(), 1);
  });
}
