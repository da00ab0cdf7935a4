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
async function withGap() {
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
  await events.append('call', '1');
  assert.deepEqual([events.hasGap, mended], [true, 0]);
  isAvailable = true;
  return { events, mended: () => mended };
}

const ways: Record<string, (events: StreamLog) => Promise<unknown>> = {
  'an event is appended': (events) => events.append('call', '2'),
  'a stream ends': (events) => events.end('call'),
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
