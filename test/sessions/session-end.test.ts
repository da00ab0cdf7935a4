/** `onSessionEnd`: called once for each session that has ended, wherever and however it ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import type { OnSessionEnd, SessionEndReason } from '../../src/tools.ts';
import { gate, initializeRequest, JSON_HEADERS, openSession, readStream, rpc, sessionOf } from '../support/app.ts';
import type { TestAppOptions } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import type { Tool } from '../support/fixture.ts';
import { bearer, sessionApp, type SessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

const IDLE_MS = 1800 * 1000;
const TICK_MS = 15_000;

interface EndApp extends SessionApp {
  /** The sessions that have ended, in that order. */
  ends: [id: string, reason: SessionEndReason][];
}

function endApp(
  env: Record<string, string> = {},
  { tools = {}, onSessionEnd, ...options }: TestAppOptions & { tools?: Record<string, Tool> } = {},
): EndApp {
  const ends: EndApp['ends'] = [];
  const note: OnSessionEnd = (id, reason) => {
    ends.push([id, reason]);
    return onSessionEnd?.(id, reason);
  };
  return { ...sessionApp(tools, env, { ...options, onSessionEnd: note }), ends };
}

describe('onSessionEnd is called once', () => {
  test('with deleted when a client ends its session, though it asks twice at the same time', async () => {
    const { app, ends, clock } = endApp();
    const session = await openSession(app);
    const responses = await Promise.all([session.delete(), session.delete(), session.delete()]);
    for (const { status } of responses) assert.ok(status === 204 || status === 404);
    await session.delete();
    await pass(clock, IDLE_MS + TICK_MS);
    assert.deepEqual(ends, [[session.id, 'deleted']]);
  });

  test('with expired when sessions have expired, without any further request', async () => {
    const { app, ends, clock } = endApp();
    const ids: string[] = [];
    for (let i = 0; i < 250; i += 1) ids.push((await openSession(app)).id);
    await pass(clock, IDLE_MS - 1);
    assert.deepEqual(ends, []);
    await pass(clock, TICK_MS);
    assert.deepEqual(
      ends,
      ids.map((id) => [id, 'expired']),
    );
    await pass(clock, IDLE_MS);
    assert.equal(ends.length, 250);
  });

  test('with expired when the process slept for longer than a session with an open stream may be unused', async () => {
    const { app, ends, clock, servers } = endApp();
    const session = await openSession(app);
    const stream = readStream(await session.get());
    clock.advance(2 * IDLE_MS);
    await settled();
    await pass(clock, TICK_MS);
    await stream.ended();
    assert.deepEqual(ends, [[session.id, 'expired']]);
    assert.equal(servers.open, 0);
  });

  test('with expired when a session expires before its server would leave memory, which is then closed', async () => {
    const { app, ends, clock, servers } = endApp({ MCP_SESSION_IDLE_SECONDS: '20' });
    const session = await openSession(app);
    await pass(clock, 30_000);
    assert.deepEqual(ends, [[session.id, 'expired']]);
    assert.equal(servers.open, 0);
  });

  for (const [cap, headers] of [
    ['MCP_MAX_SESSIONS', {}],
    ['MCP_MAX_SESSIONS_PER_PRINCIPAL', bearer('alice.1')],
  ] as const) {
    test(`with evicted when a session makes room at ${cap}`, async () => {
      const { app, ends, clock } = endApp({ [cap]: '2' });
      const ids: string[] = [];
      for (let i = 0; i < 4; i += 1) {
        ids.push((await openSession(app, headers)).id);
        clock.advance(1000);
      }
      assert.deepEqual(
        ends,
        ids.slice(0, 2).map((id) => [id, 'evicted']),
      );
    });
  }

  test('with deleted when initialize fails', async () => {
    const built: (string | undefined)[] = [];
    const { app, ends } = endApp(
      {},
      {
        createServer: ({ sessionId }) => {
          built.push(sessionId);
          throw new Error('no database');
        },
      },
    );
    const response = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
    assert.equal(response.status, 500);
    assert.deepEqual(
      ends,
      built.map((id) => [id, 'deleted']),
    );
    assert.equal(built.length, 1);
  });

  test('when DELETE meets the expiry of the session at any point', async () => {
    const reasons = new Set<SessionEndReason>();
    for (let turns = 0; turns < 60; turns += 1) {
      const { app, ends, clock } = endApp();
      const session = await openSession(app);
      await pass(clock, IDLE_MS - 1);
      const deleted = session.delete();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      // DELETE was use. From now on, it takes as long again.
      clock.advance(IDLE_MS);
      assert.ok([204, 404].includes((await deleted).status));
      await pass(clock, TICK_MS);
      assert.deepEqual(
        ends.map(([id]) => id),
        [session.id],
        `after ${turns} turns`,
      );
      for (const [, reason] of ends) reasons.add(reason);
    }
    assert.deepEqual([...reasons].toSorted(), ['deleted', 'expired']);
  });

  test('when eviction meets a request of the session at any point', async () => {
    for (let turns = 0; turns < 60; turns += 1) {
      const { app, ends, clock, servers } = endApp({ MCP_MAX_SESSIONS: '1' });
      const session = await openSession(app);
      await pass(clock, 2 * 60_000);
      const opening = app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const [response, opened] = await Promise.all([session.post(rpc('ping')), opening]);
      await Promise.all([response.text(), opened.text()]);
      if (opened.status === 503) assert.deepEqual(ends, [], 'it was in use');
      else assert.deepEqual(ends, [[session.id, 'evicted']], `after ${turns} turns`);
      await pass(clock, IDLE_MS + TICK_MS);
      assert.equal(ends.filter(([id]) => id === session.id).length, 1);
      assert.equal(servers.open, 0);
    }
  });

  test('of all the nodes on one store, whether a session expires, is deleted or is evicted', async () => {
    const { app, another, ends, clock } = endApp({ MCP_MAX_SESSIONS: '3' });
    const nodes = [app, another(), another()] as const;
    const sessions = [];
    for (const node of nodes) {
      sessions.push(await openSession(node));
      clock.advance(1000);
    }
    const [first, second, third] = sessions.map(({ id }) => id);
    await Promise.all(nodes.map((node) => sessionOf(node, second ?? '').delete()));
    await openSession(app);
    const evicting = await openSession(nodes[1]);
    await pass(clock, IDLE_MS + 2 * TICK_MS);
    const endOf = (id: string | undefined) => ends.filter(([ended]) => ended === id).map(([, reason]) => reason);
    assert.deepEqual([endOf(first), endOf(second), endOf(third)], [['evicted'], ['deleted'], ['expired']]);
    assert.deepEqual(endOf(evicting.id), ['expired']);
    assert.equal(ends.length, 5);
  });
});

describe('onSessionEnd is not called', () => {
  test('when a server leaves memory, and when the process stops', async () => {
    const { app, ends, clock, servers } = endApp({ MCP_LIVE_IDLE_SECONDS: '60' });
    const session = await openSession(app);
    await pass(clock, 2 * 60_000);
    assert.equal(servers.open, 0);
    assert.equal((await session.post(rpc('ping'))).status, 200);
    assert.equal(servers.open, 1);
    await app.drain();
    await pass(clock, 2 * IDLE_MS);
    assert.equal(servers.open, 0);
    assert.deepEqual(ends, []);
  });

  test('for a session that the process stopped before its server was built', async () => {
    const { store, clock } = sessionApp();
    const creating = gate();
    const sessionStore = {
      ...store,
      create: (...args: Parameters<typeof store.create>) => creating.opened.then(() => store.create(...args)),
    };
    const { app, ends, servers } = endApp({}, { sessionStore, clock });
    const opening = app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
    await settled();
    const drained = app.drain();
    await pass(clock, 60_000);
    await drained;
    creating.open();
    assert.equal((await opening).status, 503);
    assert.equal(servers.created, 0);
    assert.equal(await store.count(), 0);
    assert.deepEqual(ends, []);
  });
});

describe('what onSessionEnd does', () => {
  for (const [how, onSessionEnd] of [
    [
      'throws',
      () => {
        throw new Error('no database');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ] as const) {
    test(`is logged when it ${how}, and harms no other session`, async () => {
      const { app, ends, clock } = endApp({}, { onSessionEnd });
      const session = await openSession(app);
      await openSession(app);
      assert.equal((await session.delete()).status, 204);
      await pass(clock, IDLE_MS + TICK_MS);
      assert.equal(ends.length, 2);
      const lines = linesAt('error', app.lines).filter(({ msg }) => msg === 'onSessionEnd failed');
      assert.equal(lines.length, 2);
      assert.match(String(lines[0]?.['error']), /no database/);
    });
  }

  test('holds up no answer, but a stop', async () => {
    const { opened, open } = gate();
    const { app, clock } = endApp({}, { onSessionEnd: () => opened });
    const session = await openSession(app);
    assert.equal((await session.delete()).status, 204);
    let hasStopped = false;
    const stopped = app.drain().then((cut) => {
      hasStopped = true;
      return cut;
    });
    await pass(clock, 5000);
    assert.equal(hasStopped, false);
    open();
    assert.equal(await stopped, 0);
  });

  test('comes last: the server is closed and the state is gone', async () => {
    const stateStore = createMemoryStateStore({ clock: manualClock() });
    const seen: unknown[] = [];
    const onSessionEnd = async (id: string) => {
      seen.push(servers.open, await stateStore.keys(`session:${id}`));
    };
    const { app, servers } = endApp({}, { stateStore, onSessionEnd });
    const session = await openSession(app);
    await stateStore.write(`session:${session.id}`, 'a', { value: '1', expected: undefined, ttlMs: undefined });
    await session.delete();
    await settled();
    assert.deepEqual(seen, [0, []]);
  });
});

test('a state store that is unavailable keeps no session from ending, and is logged', async () => {
  const stateStore = createMemoryStateStore({ clock: manualClock() });
  const broken = { ...stateStore, clear: () => Promise.reject(new Error('ECONNREFUSED')) };
  const { app, ends } = endApp({}, { stateStore: broken });
  const session = await openSession(app);
  assert.equal((await session.delete()).status, 204);
  assert.deepEqual(ends, [[session.id, 'deleted']]);
  const [line] = linesAt('error', app.lines);
  assert.equal(line?.msg, 'the state of a session could not be removed');
  assert.match(String(line?.['error']), /ECONNREFUSED/);
});
