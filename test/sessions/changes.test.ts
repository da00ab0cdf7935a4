/** What sessions of the 2025 revisions hear of changes, by `notify`, wherever their server and their stream are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChangeLog } from '../../src/contracts/change-log.ts';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { createMemoryEventLog } from '../../src/memory/memory-event-log.ts';
import { eventsIn, openSession, sessionOf } from '../support/app.ts';
import {
  breakOff,
  createChangingServer,
  listen,
  LIVE_A_MINUTE,
  LOG_AGE_MS,
  setUp,
  subscribe,
  toldIn,
  waitingFor,
} from '../support/changing.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

describe('a session with an open GET stream', () => {
  test('hears of lists that it was announced, and of resources that it has subscribed to', async () => {
    const { notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    const stream = await listen(session);
    notify.toolsChanged();
    notify.resourcesChanged();
    notify.resourceUpdated('test:mine');
    notify.resourceUpdated('test:other');
    notify.promptsChanged();
    await settled();
    assert.deepEqual(toldIn(stream), ['tools', 'test:mine', 'prompts']);
    await subscribe(session, 'test:other');
    await subscribe(session, 'test:mine', 'unsubscribe');
    notify.resourceUpdated('test:mine');
    notify.resourceUpdated('test:other');
    await settled();
    assert.deepEqual(toldIn(stream).slice(3), ['test:other']);
    await stream.cancel();
  });

  test('hears once of what happens many times at a stroke', async () => {
    const { notify, session } = await setUp();
    const stream = await listen(session);
    for (let times = 0; times < 100; times += 1) notify.toolsChanged();
    await settled();
    assert.ok(toldIn(stream).length <= 2, `${toldIn(stream).length} times`);
    await stream.cancel();
  });

  test('hears on the stream that took over', async () => {
    const { notify, session } = await setUp();
    const first = await listen(session);
    const second = await listen(session);
    notify.toolsChanged();
    await settled();
    assert.deepEqual([toldIn(first), toldIn(second)], [[], ['tools']]);
    await second.cancel();
  });

  test('hears nothing of what other sessions have subscribed to', async () => {
    const { app, notify, session } = await setUp();
    const other = await openSession(app);
    await subscribe(other, 'test:theirs');
    const stream = await listen(session);
    notify.resourceUpdated('test:theirs');
    await settled();
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });
});

describe('a session whose GET stream is not open', () => {
  test('hears when it opens one, of each list and resource once, and then no more', async () => {
    const { notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    for (let times = 0; times < 3; times += 1) {
      notify.toolsChanged();
      notify.resourceUpdated('test:mine');
      notify.resourceUpdated('test:other');
    }
    const first = await listen(session);
    assert.deepEqual(toldIn(first), ['tools', 'test:mine']);
    await breakOff(first);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), []);
    await second.cancel();
  });

  test('hears of what changed before and after its server left memory, however long ago', async () => {
    const { built, clock, notify, session } = await setUp();
    await subscribe(session, 'test:mine');
    const first = await listen(session);
    const lastEventId = await breakOff(first);
    notify.resourceUpdated('test:mine');
    await pass(clock, 85_000);
    notify.toolsChanged();
    notify.resourceUpdated('test:mine');
    await pass(clock, LOG_AGE_MS);
    const resumed = await session.get(lastEventId);
    assert.equal(resumed.status, 400, 'the event log has forgotten the session');
    const second = await listen(session);
    assert.deepEqual(toldIn(second), ['tools', 'test:mine']);
    assert.equal(built(), 2);
    await second.cancel();
  });

  test('hears nothing twice, also when its server has left memory in the meantime', async () => {
    const { clock, notify, session } = await setUp();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    const lastEventId = await breakOff(first);
    await pass(clock, 85_000);
    const second = await listen(session, lastEventId);
    await breakOff(second);
    const third = await listen(session);
    assert.deepEqual([toldIn(first), toldIn(second), toldIn(third)], [['tools'], [], []]);
    await third.cancel();
  });

  test('hears of what was sent but lost on the way, when it resumes', async () => {
    const { notify, session } = await setUp();
    const first = await listen(session);
    const primed = eventsIn(first.text)[0]?.id;
    notify.toolsChanged();
    await settled();
    await breakOff(first);
    notify.promptsChanged();
    const second = await listen(session, primed);
    assert.deepEqual(toldIn(second), ['tools', 'prompts']);
    await second.cancel();
  });

  test('hears of all that has changed once it cannot resume, since nobody knows what it missed', async () => {
    const { clock, notify, session } = await setUp();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    const lastEventId = await breakOff(first);
    await pass(clock, 2 * LOG_AGE_MS);
    assert.equal((await session.get(lastEventId)).status, 400);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), ['tools']);
    await second.cancel();
  });

  test('hears of all that has changed, and every message, on another node than the one where it cannot resume', async () => {
    const { another, notify, session } = await setUp({ changes: createMemoryChangeLog() });
    const first = await listen(session);
    notify.toolsChanged();
    notify.log(session.id, { level: 'info', data: 'hello' });
    await settled();
    assert.deepEqual(toldIn(first), ['tools', 'hello']);
    await breakOff(first);
    const unknown = await sessionOf(another(), session.id).get('1.00000000.get');
    assert.equal(unknown.status, 400);
    const second = await listen(sessionOf(another(), session.id));
    assert.deepEqual(toldIn(second), ['tools', 'hello', 'tools']);
    await second.cancel();
  });

  test('hears of all that has changed on its next stream once it cannot resume, though the lost one still seems open', async () => {
    const eventLog = createMemoryEventLog({ clock: { now: Date.now }, maxEventsPerStream: 1 });
    const { notify, session } = await setUp({ eventLog });
    const lost = await listen(session);
    notify.toolsChanged();
    await settled();
    assert.equal((await session.get('1.00000000.get')).status, 400);
    notify.promptsChanged();
    notify.log(session.id, { level: 'info', data: 'hello' });
    await lost.ended();
    assert.deepEqual(toldIn(lost), ['tools'], 'whoever resumes it has lost it');
    const next = await listen(session);
    assert.deepEqual(toldIn(next).toSorted(), ['hello', 'prompts', 'tools']);
    await breakOff(next);
    const last = await listen(session);
    assert.deepEqual(toldIn(last), []);
    await last.cancel();
  });

  test('hears on another node, or after a restart', async () => {
    const changes = createMemoryChangeLog();
    const scene = await setUp({ changes });
    await subscribe(scene.session, 'test:mine');
    await breakOff(await listen(scene.session));
    scene.notify.resourceUpdated('test:mine');
    const there = sessionOf(scene.another(), scene.session.id);
    const stream = await listen(there);
    assert.deepEqual(toldIn(stream), ['test:mine']);
    await stream.cancel();
  });

  test('is told that anything may have changed once the log has forgotten what has', async () => {
    const { notify, session } = await setUp({ changes: createMemoryChangeLog({ maxChanges: 2 }) });
    await subscribe(session, 'test:mine');
    for (const name of ['a', 'b', 'c']) notify.resourceUpdated(`test:${name}`);
    const stream = await listen(session);
    assert.deepEqual(toldIn(stream).toSorted(), ['prompts', 'test:mine', 'tools']);
    await stream.cancel();
  });

  test('is told that anything may have changed if its record has outlived the log of changes', async () => {
    const { session, store, eventLog } = await setUp();
    await subscribe(session, 'test:mine');
    await store.update(session.id, { toldChange: 7 });
    const afterRestart = sessionApp({}, LIVE_A_MINUTE, {
      createServer: createChangingServer,
      sessionStore: store,
      eventLog,
    }).app;
    const stream = await listen(sessionOf(afterRestart, session.id));
    assert.deepEqual(toldIn(stream).toSorted(), ['prompts', 'test:mine', 'tools']);
    await stream.cancel();
  });

  test('is not told of changes before it was opened', async () => {
    const { app, notify } = await setUp();
    notify.toolsChanged();
    const stream = await listen(await openSession(app));
    assert.deepEqual(toldIn(stream), []);
    await stream.cancel();
  });

  test('is told of what it missed as soon as the log of changes is available, even if nothing else changes', async () => {
    const log = createMemoryChangeLog();
    let isAvailable = false;
    const changes: ChangeLog = {
      ...log,
      since: (number) => (isAvailable ? log.since(number) : Promise.reject(new Error('unavailable'))),
    };
    const { notify, session, clock } = await setUp({ changes });
    notify.toolsChanged();
    const stream = await listen(session);
    isAvailable = true;
    await pass(clock, 15_000);
    assert.deepEqual(toldIn(stream), ['tools']);
    await stream.cancel();
  });

  test('is told once of what it finds in the log of changes before its node hears of it', async () => {
    const log = createMemoryChangeLog();
    const hearings: (() => void)[] = [];
    let last = 0;
    const changes: ChangeLog = {
      ...log,
      get last() {
        return last;
      },
      subscribe: (listener) =>
        log.subscribe((event) => {
          const number = log.last;
          hearings.push(() => {
            last = number;
            listener(event);
          });
        }),
    };
    const { notify, session } = await setUp({ changes });
    notify.toolsChanged();
    const stream = await listen(session);
    assert.deepEqual(toldIn(stream), ['tools']);
    for (const kind of ['toolsChanged', 'promptsChanged'] as const) {
      for (const hear of hearings.splice(0)) hear();
      notify[kind]();
      await settled();
    }
    for (const hear of hearings) hear();
    await settled();
    assert.deepEqual(toldIn(stream), ['tools', 'tools', 'prompts']);
    await stream.cancel();
  });

  test('still hears of live changes when the log of changes is unavailable, and of missed ones along with the next', async () => {
    const log = createMemoryChangeLog();
    let isAvailable = false;
    const changes = {
      ...log,
      get last() {
        return log.last;
      },
      since: (number: number) => (isAvailable ? log.since(number) : Promise.reject(new Error('unavailable'))),
    };
    const { notify, session } = await setUp({ changes });
    notify.promptsChanged();
    const first = await listen(session);
    notify.toolsChanged();
    await settled();
    assert.deepEqual(toldIn(first), ['tools']);
    await breakOff(first);
    const second = await listen(session);
    assert.deepEqual(toldIn(second), []);
    isAvailable = true;
    notify.toolsChanged();
    await settled();
    assert.deepEqual(toldIn(second), ['tools', 'prompts']);
    await breakOff(second);
    const third = await listen(session);
    assert.deepEqual(toldIn(third), []);
    await third.cancel();
  });
});

test('a notifier tells nobody any more once the app has stopped, which leaves the log of changes', async () => {
  const log = createMemoryChangeLog();
  let listeners = 0;
  const changes: ChangeLog = {
    ...log,
    subscribe(listener) {
      const leave = log.subscribe(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        leave();
      };
    },
  };
  const { app, eventLog, notify, session } = await setUp({ changes });
  assert.ok(listeners > 0);
  await app.drain();
  assert.equal(listeners, 0);
  notify.log(session.id, { level: 'info', data: 'late' });
  notify.toolsChanged();
  await settled();
  assert.deepEqual(await waitingFor(eventLog, session.id), []);
});
