/** What tools keep over stdio, and when a connection's session ends. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { LOCAL_USER, principalKey } from '../../src/auth/caller.ts';
import { createMemoryStateStore } from '../../src/memory/memory-state-store.ts';
import type { CreateServer, McpContext, OnSessionEnd } from '../../src/tools.ts';
import { gate } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { fixture } from '../support/fixture.ts';
import { STDIO_ERAS, wireInProcess, type StdioWire } from '../support/stdio-wire.ts';
import { settled } from '../support/time.ts';

type Era = keyof typeof STDIO_ERAS;

/** A connection whose tools add to what is kept; `keepLate` does so when `waiting` is open. */
function connect(t: TestContext, era: Era, onSessionEnd?: OnSessionEnd) {
  const clock = manualClock();
  const waiting = gate();
  const contexts: McpContext[] = [];
  const ends: string[][] = [];
  const late: string[] = [];
  const createServer: CreateServer = (context) => {
    contexts.push(context);
    const add = (of: 'session' | 'caller') => context.state[of].update<number>('count', (count = 0) => count + 1);
    const tools = {
      add: ({ args }: { args: Record<string, unknown> }) => add(args['of'] as 'session' | 'caller'),
      keepLate: () => waiting.opened.then(() => add('session')).catch((error: Error) => late.push(error.message)),
    };
    return fixture(tools).createServer(context);
  };
  const stateStore = createMemoryStateStore({ clock });
  const noteEnd: OnSessionEnd = (...end) => {
    ends.push(end);
    return onSessionEnd?.(...end);
  };
  const wire = wireInProcess(t, createServer, clock, undefined, { stateStore, onSessionEnd: noteEnd });
  for (const message of STDIO_ERAS[era].opening) wire.send(message);
  return { wire, clock, stateStore, contexts, ends, late, openGate: waiting.open };
}

async function call(wire: StdioWire, era: Era, name: string, of: string): Promise<string | undefined> {
  const request = STDIO_ERAS[era].request('tools/call', { name, arguments: { of } });
  wire.send(request);
  return (await wire.answer(request)).result?.content?.[0]?.text;
}

for (const era of Object.keys(STDIO_ERAS).map(Number) as Era[]) {
  test(`keeps values for the caller, who is the local user, over stdio of ${era}`, async (t) => {
    const { wire } = connect(t, era);
    assert.equal(await call(wire, era, 'add', 'caller'), '1');
    assert.equal(await call(wire, era, 'add', 'caller'), '2');
  });
}

test('keeps values for the session over stdio of 2025, and tells onSessionEnd once when stdin ends', async (t) => {
  const { wire, contexts, ends } = connect(t, 2025);
  assert.equal(await call(wire, 2025, 'add', 'session'), '1');
  assert.equal(await call(wire, 2025, 'add', 'session'), '2');
  assert.deepEqual(ends, []);
  wire.end();
  await settled();
  assert.deepEqual(ends, [[contexts[0]?.sessionId, 'deleted']]);
  assert.equal(wire.hasClosed(), true);
});

test('has no session over stdio of 2026, so that none ends', async (t) => {
  const { wire, contexts, ends } = connect(t, 2026);
  assert.match((await call(wire, 2026, 'add', 'session')) ?? '', /^There is no session: /);
  wire.end();
  await settled();
  assert.ok(contexts.length > 0);
  assert.deepEqual(ends, []);
});

test('refuses what a call keeps for the session when its connection has closed', async (t) => {
  const { wire, clock, contexts, ends, late, openGate } = connect(t, 2025);
  wire.send(STDIO_ERAS[2025].request('tools/call', { name: 'keepLate', arguments: {} }));
  await settled();
  wire.end();
  await settled();
  assert.deepEqual(ends, [], 'the call may still finish');
  clock.advance(10_000);
  await settled();
  assert.deepEqual(ends, [[contexts[0]?.sessionId, 'deleted']]);
  openGate();
  await settled();
  assert.match(String(late), /^The session has ended/);
});

test('removes the values of the session from its store when the connection closes, and leaves those of the caller', async (t) => {
  const { wire, contexts, stateStore } = connect(t, 2025);
  const keysOf = (scope: string) => stateStore.keys(scope);
  await call(wire, 2025, 'add', 'session');
  const [ofSession, ofCaller] = [`session:${contexts[0]?.sessionId}`, `caller:${principalKey(LOCAL_USER)}`];
  await call(wire, 2025, 'add', 'caller');
  assert.deepEqual([await keysOf(ofSession), await keysOf(ofCaller)], [['count'], ['count']]);
  wire.end();
  await settled();
  assert.deepEqual([await keysOf(ofSession), await keysOf(ofCaller)], [[], ['count']]);
});

test('writes to stderr that onSessionEnd has failed', async (t) => {
  const { wire } = connect(t, 2025, () => Promise.reject(new Error('no database')));
  await call(wire, 2025, 'add', 'session');
  wire.end();
  await settled();
  assert.deepEqual(wire.errors, ['The session ended with an error: Error: no database']);
});
