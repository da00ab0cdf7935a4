import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StateBounds } from '../../src/contracts/state-store.ts';
import type { Values } from '../../src/context/values.ts';
import { gate } from '../support/app.ts';
import { rejectsWith, stateParts } from '../support/state.ts';

const SMALL: StateBounds = { maxKeyBytes: 10, maxValueBytes: 20, maxKeysPerScope: 3, maxBytesPerScope: 50 };

for (const scope of ['session', 'caller'] as const) {
  describe(`values of a ${scope}`, () => {
    test('are kept until they are replaced or removed', async () => {
      const { state, stateOf } = stateParts();
      const { [scope]: values } = state;
      assert.equal(await values.get('a'), undefined);
      await values.set('a', { list: [1, null] });
      await values.set('b', false);
      assert.deepEqual(await stateOf('s1')[scope].get('a'), { list: [1, null] });
      await values.set('a', 'other');
      assert.equal(await values.get('a'), 'other');
      assert.deepEqual((await values.keys()).toSorted(), ['a', 'b']);
      assert.equal(await values.delete('a'), true);
      assert.equal(await values.delete('a'), false);
      assert.deepEqual(await values.keys(), ['b']);
    });

    test('are copies: to change one changes nothing', async () => {
      const { [scope]: values } = stateParts().state;
      const list = [1];
      await values.set('a', list);
      list.push(2);
      (await values.get<number[]>('a'))?.push(3);
      assert.deepEqual(await values.get('a'), [1]);
    });

    test('expire after ttlSeconds, counted from the last write', async () => {
      const {
        state: { [scope]: values },
        clock,
      } = stateParts();
      await values.set('a', 1, { ttlSeconds: 1.5 });
      clock.advance(1000);
      await values.update<number>('a', (value = 0) => value + 1, { ttlSeconds: 1.5 });
      clock.advance(1499);
      assert.equal(await values.get('a'), 2);
      clock.advance(1);
      assert.equal(await values.get('a'), undefined);
      assert.deepEqual(await values.keys(), []);
    });

    for (const ttlSeconds of [0, -1, NaN, Infinity, 366 * 24 * 60 * 60]) {
      test(`are refused with a StateError when ttlSeconds is ${ttlSeconds}`, async () => {
        const { [scope]: values } = stateParts().state;
        await rejectsWith(values.set('a', 1, { ttlSeconds }), new RegExp(`ttlSeconds.*not ${ttlSeconds}\\.`));
        assert.deepEqual(await values.keys(), []);
      });
    }
  });
}

describe('a key', () => {
  for (const [what, key, message] of [
    ['is empty', '', /non-empty/],
    ['is not a text', 1 as unknown as string, /non-empty string/],
    ['is too long', 'xxxxxxxxxxx', /at most 10 bytes, but this one has 11/],
    ['is too long in UTF-8', 'üüüüüx', /at most 10 bytes, but this one has 11/],
    ['has half of a character', 'a\ud800', /lone surrogate/],
  ] as const) {
    test(`that ${what} is refused with a StateError`, async () => {
      const { session } = stateParts(SMALL).state;
      await rejectsWith(session.get(key), message);
      await rejectsWith(session.set(key, 1), message);
      await rejectsWith(
        session.update(key, () => 1),
        message,
      );
      await rejectsWith(session.delete(key), message);
    });
  }

  test('may be as long as the bound', async () => {
    const { session } = stateParts(SMALL).state;
    await session.set('üüüüü', 1);
    assert.deepEqual(await session.keys(), ['üüüüü']);
  });
});

describe('a bound', () => {
  test('of a value is kept, in bytes of its JSON in UTF-8', async () => {
    const { session } = stateParts(SMALL).state;
    await session.set('a', 'x'.repeat(18));
    await rejectsWith(session.set('a', 'x'.repeat(19)), /"a" has 21 bytes of JSON, and the limit is 20\. Split it/);
    await rejectsWith(session.set('a', 'ü'.repeat(10)), /has 22 bytes/);
    await rejectsWith(
      session.update('a', () => 'x'.repeat(19)),
      /has 21 bytes/,
    );
    assert.equal(await session.get('a'), 'x'.repeat(18));
  });

  test('of the number of values is kept for each scope', async () => {
    const { stateOf } = stateParts(SMALL);
    const { session, caller } = stateOf('s1');
    for (const key of ['a', 'b', 'c']) await session.set(key, 1);
    for (const key of ['a', 'b', 'c']) await caller.set(key, 1);
    await rejectsWith(session.set('d', 1), /no room for "d": a session may have 3 values\. Delete some/);
    await rejectsWith(
      caller.update('d', () => 1),
      /no room for "d": a caller may have 3 values/,
    );
    await stateOf('s2').session.set('d', 1);
  });

  test('of the bytes of a scope is kept', async () => {
    const { session } = stateParts(SMALL).state;
    await session.set('a', 'x'.repeat(18));
    await session.set('b', 'x'.repeat(18));
    await rejectsWith(
      session.set('c', 'x'.repeat(10)),
      /no room for "c": the values of a session may take 50 bytes\. Delete/,
    );
    assert.deepEqual((await session.keys()).toSorted(), ['a', 'b']);
  });

  test('of the store is kept', async () => {
    const { state, stateOf } = stateParts({ maxBytes: 10_000 });
    await state.session.set('a', 'x'.repeat(4000));
    await rejectsWith(stateOf('s2').session.set('a', 'x'.repeat(4000)), /no room for "a": the state store is full\./);
    assert.equal(await state.session.get('a'), 'x'.repeat(4000));
  });
});

describe('update', () => {
  test('passes the value to the change, and resolves to what the change returns', async () => {
    const { session } = stateParts().state;
    assert.equal(await session.update<number>('a', (value) => (value ?? 10) + 1), 11);
    assert.equal(await session.update<number>('a', async (value) => (value ?? 10) + 1), 12);
    assert.equal(await session.get('a'), 12);
  });

  test('loses no change of any number of updates at the same time', async () => {
    const { session } = stateParts().state;
    const add = (value = 0) => value + 1;
    const updates = Array.from({ length: 200 }, () => session.update<number>('a', add));
    const results = await Promise.all(updates);
    assert.equal(await session.get('a'), 200);
    assert.equal(new Set(results).size, 200);
  });

  test('calls the change again when the value was changed, or removed, while it waited', async () => {
    for (const [interfere, seen] of [
      [(values: Values) => values.set('a', 5), [1, 5]],
      [(values: Values) => values.delete('a'), [1, undefined]],
    ] as const) {
      const { session } = stateParts().state;
      await session.set('a', 1);
      const waiting = gate();
      const values: unknown[] = [];
      const updated = session.update<number>('a', async (value = 0) => {
        values.push(value === 0 ? undefined : value);
        await waiting.opened;
        return value + 1;
      });
      await interfere(session);
      waiting.open();
      assert.equal(await updated, (seen[1] ?? 0) + 1);
      assert.deepEqual(values, seen);
    }
  });

  for (const [how, change] of [
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ] as const) {
    test(`rejects with the error of a change that ${how}, and leaves the value`, async () => {
      const { session } = stateParts().state;
      await session.set('a', 1);
      await assert.rejects(session.update('a', change), { name: 'Error', message: 'no' });
      assert.equal(await session.get('a'), 1);
    });
  }

  test('leaves the value when the change returns what cannot be kept', async () => {
    const { session } = stateParts().state;
    await session.set('a', 1);
    await rejectsWith(
      session.update('a', () => undefined),
      /it is undefined\. To remove a value, use delete\./,
    );
    assert.equal(await session.get('a'), 1);
  });

  test('gives up with a StateError after 1000 attempts, such as when the change changes the value itself', async () => {
    const { session } = stateParts().state;
    let calls = 0;
    const change = async () => {
      await session.set('a', ++calls);
      return -1;
    };
    await rejectsWith(session.update('a', change), /"a" was changed elsewhere during each of 1000 attempts\./);
    assert.equal(calls, 1000);
    assert.equal(await session.get('a'), 1000);
  });
});
