/** What tools keep, from one request to another. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sessionScope } from '../../src/context/state.ts';
import type { StateStore } from '../../src/contracts/state-store.ts';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import type { CreateServer, McpContext } from '../../src/tools.ts';
import { answerOf, gate, modernRequest, openSession, rpc, sessionOf, type TestApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { bearer, sessionApp, type SessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const IDLE_MS = 1800 * 1000;
const TICK_MS = 15_000;
const ALICE = bearer('alice.1');

/** Tools that keep values where the call says: in the `session`, or for the `caller`. */
function toolsFor({ state }: McpContext, more: Record<string, Tool> = {}): Record<string, Tool> {
  const valuesOf = (args: Record<string, unknown>) => state[args['of'] as 'session' | 'caller'];
  return {
    add: ({ args }) => valuesOf(args).update<number>('count', (count = 0) => count + 1),
    get: ({ args }) => valuesOf(args).get('count'),
    ...more,
  };
}

interface StateApp extends SessionApp {
  stateStore: StateStore;
}

function stateApp(
  env: Record<string, string> = {},
  more: Record<string, (context: McpContext) => Tool> = {},
): StateApp {
  const stateStore = createMemoryStateStore({ clock: manualClock() });
  const createServer: CreateServer = (context) => {
    const own = Object.entries(more).map(([name, tool]) => [name, tool(context)] as const);
    return fixture(toolsFor(context, Object.fromEntries(own))).createServer(context);
  };
  return { ...sessionApp({}, env, { createServer, stateStore }), stateStore };
}

/** Calls a tool in 2026-07-28, and returns what it says. */
async function callModern(app: TestApp, name: string, of: string, headers = {}): Promise<string | undefined> {
  const request = modernRequest('tools/call', { name, arguments: { of } }, { headers });
  return (await answerOf(await app.request('POST', request))).result?.content?.[0]?.text;
}

/** The same in a session of the 2025 revisions. */
async function callIn(session: Awaited<ReturnType<typeof openSession>>, name: string, of: string) {
  return (await session.call(name, { of })).result?.content?.[0]?.text;
}

describe('what is kept for a session', () => {
  test('is there in its later calls, when its server has left memory, and after a restart', async () => {
    const { app, another, clock } = stateApp();
    const session = await openSession(app);
    assert.equal(await callIn(session, 'add', 'session'), '1');
    assert.equal(await callIn(session, 'add', 'session'), '2');
    await pass(clock, 10 * 60_000);
    assert.equal(await callIn(session, 'add', 'session'), '3');
    assert.equal(await callIn(sessionOf(another(), session.id), 'add', 'session'), '4');
  });

  test('is not there in another session of the same caller', async () => {
    const { app } = stateApp();
    const [one, other] = [await openSession(app, ALICE), await openSession(app, ALICE)];
    await callIn(one, 'add', 'session');
    assert.equal(await callIn(other, 'get', 'session'), 'null');
  });

  const ends: Record<string, (context: StateApp, session: { delete: () => Promise<Response> }) => Promise<unknown>> = {
    'is deleted': (_context, session) => session.delete(),
    expires: ({ clock }) => pass(clock, IDLE_MS + TICK_MS),
    'is evicted': async ({ app, clock }) => {
      clock.advance(1);
      await openSession(app);
      await openSession(app);
    },
  };
  for (const [how, end] of Object.entries(ends)) {
    test(`is removed when the session ${how}`, async () => {
      const context = stateApp({ MCP_MAX_SESSIONS: '2' });
      const session = await openSession(context.app);
      await callIn(session, 'add', 'session');
      assert.deepEqual(await context.stateStore.keys(sessionScope(session.id)), ['count']);
      await end(context, session);
      assert.deepEqual(await context.stateStore.keys(sessionScope(session.id)), []);
    });
  }

  test('is refused when a call that is still running keeps it after DELETE', async () => {
    const waiting = gate();
    const outcomes: unknown[] = [];
    const late = ({ state }: McpContext): Tool => {
      return async () => {
        await state.session.set('before', 1);
        await waiting.opened;
        await state.session.set('after', 1).catch((error: Error) => outcomes.push(error.message));
      };
    };
    const { app, stateStore } = stateApp({}, { late });
    const session = await openSession(app);
    await session.post(rpc('tools/call', { name: 'late', arguments: {} }));
    await settled();
    assert.deepEqual(await stateStore.keys(sessionScope(session.id)), ['before']);
    await session.delete();
    waiting.open();
    await settled();
    assert.match(String(outcomes), /^The session has ended/);
    assert.deepEqual(await stateStore.keys(sessionScope(session.id)), []);
  });

  test('leaves nothing behind when the session ends at any point of a call that keeps something', async () => {
    const { app, stateStore } = stateApp();
    for (let turns = 0; turns < 80; turns += 1) {
      const session = await openSession(app);
      const called = session.post(rpc('tools/call', { name: 'add', arguments: { of: 'session' } }));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await Promise.all([called.then((response) => response.text()), session.delete()]);
      await settled();
      assert.deepEqual(await stateStore.keys(sessionScope(session.id)), [], `after ${turns} turns`);
    }
  });
});

describe('what is kept for a caller', () => {
  test('is there in every session and request of the caller, of both eras, with a new token too', async () => {
    const { app } = stateApp();
    assert.equal(await callModern(app, 'add', 'caller', ALICE), '1');
    assert.equal(await callModern(app, 'add', 'caller', bearer('alice.2')), '2');
    const session = await openSession(app, ALICE);
    assert.equal(await callIn(session, 'add', 'caller'), '3');
    await session.delete();
    assert.equal(await callIn(await openSession(app, ALICE), 'add', 'caller'), '4');
  });

  test('is not there for another caller, in either era', async () => {
    const { app } = stateApp();
    await callModern(app, 'add', 'caller', ALICE);
    assert.equal(await callModern(app, 'get', 'caller', bearer('bob.1')), 'null');
    assert.equal(await callIn(await openSession(app, bearer('bob.1')), 'get', 'caller'), 'null');
  });

  test('is there with MCP_SESSIONS=stateless', async () => {
    const { app } = stateApp({ MCP_SESSIONS: 'stateless' });
    const session = sessionOf(app, '', ALICE);
    assert.equal(await callIn(session, 'add', 'caller'), '1');
    assert.equal(await callIn(session, 'add', 'caller'), '2');
  });
});

describe('what cannot be kept', () => {
  const noSession = /^There is no session: /;
  const noCaller = /^There is no caller: /;

  test('is refused for a session in 2026-07-28, and for an unauthenticated caller: the result of the tool says so', async () => {
    const { app } = stateApp();
    assert.match((await callModern(app, 'add', 'session', ALICE)) ?? '', noSession);
    assert.match((await callModern(app, 'add', 'caller')) ?? '', noCaller);
  });

  test('is refused for an unauthenticated caller of the 2025 revisions, but not for the session', async () => {
    const session = await openSession(stateApp().app);
    assert.match((await callIn(session, 'add', 'caller')) ?? '', noCaller);
    assert.equal(await callIn(session, 'add', 'session'), '1');
  });

  test('is refused for a session with MCP_SESSIONS=stateless', async () => {
    const { app } = stateApp({ MCP_SESSIONS: 'stateless' });
    assert.match((await callIn(sessionOf(app, ''), 'add', 'session')) ?? '', noSession);
  });
});

test('a call that keeps nothing does not ask the store', async () => {
  const stateStore = new Proxy({} as StateStore, { get: (_target, name) => assert.fail(`${String(name)} was used`) });
  const { app } = sessionApp({ nothing: () => 1 }, {}, { stateStore });
  const session = await openSession(app);
  assert.equal((await session.call('nothing', {})).result?.content?.[0]?.text, '1');
  assert.equal(await callModern(app, 'nothing', 'caller'), '1');
});
