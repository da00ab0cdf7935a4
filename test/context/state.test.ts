import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANONYMOUS, LOCAL_USER, type Caller } from '../../src/auth/caller.ts';
import { ScopedState, sessionScope } from '../../src/context/state.ts';
import { StateError } from '../../src/context/state-json.ts';
import type { StateStore } from '../../src/contracts/state-store.ts';
import type { Values } from '../../src/context/values.ts';
import { principalOf } from '../support/session-app.ts';
import { rejectsWith, stateParts } from '../support/state.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const BOB: Caller = { principal: principalOf('bob') };

const METHODS: Record<string, (values: Values) => Promise<unknown>> = {
  get: (values) => values.get('a'),
  set: (values) => values.set('a', 1),
  update: (values) => values.update('a', () => 1),
  delete: (values) => values.delete('a'),
  keys: (values) => values.keys(),
};

test('values of a session are those of no other session, nor of the caller', async () => {
  const { stateOf } = stateParts();
  await stateOf('s1').session.set('a', 1);
  await stateOf('s1').caller.set('b', 1);
  assert.deepEqual(await stateOf('s2').session.keys(), []);
  assert.deepEqual(await stateOf('s1').session.keys(), ['a']);
  assert.deepEqual(await stateOf('s1').caller.keys(), ['b']);
});

test('values of a caller are there in every session and without one, and not for another caller', async () => {
  const { stateOf } = stateParts();
  await stateOf('s1').caller.set('a', 1);
  assert.equal(await stateOf('s2').caller.get('a'), 1);
  assert.equal(await stateOf(undefined).caller.get('a'), 1);
  assert.equal(await stateOf('s1', BOB).caller.get('a'), undefined);
  assert.equal(await stateOf('s1', LOCAL_USER).caller.get('a'), undefined);
});

test('values of a session stay as long as it, those of a caller for 30 days after they were last written', async () => {
  const { state, clock } = stateParts();
  await state.session.set('a', 1);
  await state.caller.set('a', 1);
  await state.caller.set('b', 1);
  clock.advance(30 * DAY_MS - 1);
  await state.caller.get('a');
  await state.caller.update('b', () => 2);
  clock.advance(1);
  assert.deepEqual(await state.caller.keys(), ['b']);
  clock.advance(30 * DAY_MS - 1);
  assert.deepEqual(await state.caller.keys(), []);
  clock.advance(300 * DAY_MS);
  assert.equal(await state.session.get('a'), 1);
});

for (const [method, call] of Object.entries(METHODS)) {
  test(`${method} rejects without a session, and says what to use instead`, async () => {
    const state = stateParts().stateOf(undefined);
    const { session } = state;
    await rejectsWith(
      call(session),
      /^There is no session: requests of 2026-07-28 .*MCP_SESSIONS=stateless have none\. Use state\.caller\./,
    );
  });

  test(`${method} rejects for an unauthenticated caller, and names the settings`, async () => {
    const { store } = stateParts();
    const { caller } = new ScopedState({ store, hasSession: async () => true }, 's1', ANONYMOUS);
    await rejectsWith(call(caller), /^There is no caller: .*unauthenticated.*MCP_AUTH_TOKENS or MCP_OAUTH_ISSUER/);
  });
}

test('asks neither for a session nor for the store until a value is asked for', () => {
  const fail = () => assert.fail('was asked');
  const { session, caller } = new ScopedState(
    {
      get store() {
        return new Proxy({} as StateStore, { get: fail });
      },
      hasSession: fail,
    },
    's1',
    {
      get principal() {
        return fail();
      },
    },
  );
  assert.ok(session && caller);
});

describe('a session that has ended', () => {
  test('keeps nothing: a write is refused, and what it wrote is removed', async () => {
    const { state, store, ended } = stateParts();
    await state.session.set('a', 1);
    ended.add('s1');
    await rejectsWith(state.session.set('b', 1), /^The session has ended/);
    await rejectsWith(
      state.session.update('c', () => 1),
      /^The session has ended/,
    );
    assert.deepEqual(await store.keys(sessionScope('s1')), []);
    await state.caller.set('a', 1);
    assert.equal(await state.caller.get('a'), 1, 'the caller is still there');
  });

  test('keeps nothing when it ends at any point of a write', async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      const { state, store, ended } = stateParts();
      const writing = state.session.set('a', 1).catch((error: unknown) => assert.ok(error instanceof StateError));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      // As `sessions/session-end.ts` does it: first the record, then the values.
      ended.add('s1');
      await Promise.resolve();
      await store.clear(sessionScope('s1'));
      await writing;
      assert.deepEqual(await store.keys(sessionScope('s1')), [], `after ${turns} turns`);
    }
  });
});

test('rejects with the error of an engine that is unavailable', async () => {
  const unavailable = new Error('ECONNREFUSED');
  const { store } = stateParts();
  const fail = () => Promise.reject(unavailable);
  const broken: StateStore = { bounds: store.bounds, get: fail, write: fail, delete: fail, keys: fail, clear: fail };
  const { session } = stateParts({}, broken).state;
  for (const call of Object.values(METHODS)) await assert.rejects(call(session), unavailable);
});

test('tells a caller without a session and without a name that there is neither', async () => {
  const { stateOf } = stateParts();
  await rejectsWith(
    stateOf(undefined, ANONYMOUS).session.get('key'),
    /^There is no session: .* There is no caller: .* Set MCP_AUTH_TOKENS .* Or use a store of your own/,
  );
  await rejectsWith(stateOf(undefined, ANONYMOUS).caller.get('key'), /use state\.caller\.$/);
  await rejectsWith(stateOf('s1', ANONYMOUS).caller.get('key'), /Or use state\.session\.$/);
});
