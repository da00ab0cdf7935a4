/** The contract of `StateStore`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { StateBounds, StateStore, StateWrite, StateWritten } from '../../src/contracts/state-store.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { createRandom } from '../support/random.ts';

const BOUNDS: StateBounds = { maxKeyBytes: 100, maxValueBytes: 500, maxKeysPerScope: 5, maxBytesPerScope: 1000 };
const TTL_MS = 60_000;
/** Text that an engine might take for something else. */
const ODD_TEXTS = [
  'a',
  'A',
  ' a',
  'a ',
  'a:b',
  '*',
  '%',
  "'",
  '__proto__',
  'constructor',
  '\n',
  '\u00fc',
  'u\u0308',
  '日🗻',
];

/** What a store is made from; `t.after` is the place to clean up. */
export type MakeStore = (options: StateBounds & { clock: Clock }, t: TestContext) => StateStore | Promise<StateStore>;

/** Tests the contract on the stores that `makeStore` returns. Each must be new and empty. */
export function stateStoreContract(name: string, makeStore: MakeStore): void {
  async function setUp(t: TestContext): Promise<{ store: StateStore; clock: ManualClock }> {
    const clock = manualClock();
    return { store: await makeStore({ clock, ...BOUNDS }, t), clock };
  }

  describe(`state store contract: ${name}`, () => {
    test('tells its bounds', async (t) => {
      const { store } = await setUp(t);
      assert.deepEqual({ ...store.bounds }, BOUNDS);
    });

    test('returns a value in its scope and under its key, both taken exactly, and nowhere else', async (t) => {
      const { store } = await setUp(t);
      for (const [index, text] of ODD_TEXTS.entries()) {
        assert.equal(await set(store, text, 'key', JSON.stringify(text)), 'kept');
        assert.equal(await set(store, `scope ${index % 3}`, text, String(index)), 'kept');
      }
      for (const [index, text] of ODD_TEXTS.entries()) {
        assert.equal(await store.get(text, 'key'), JSON.stringify(text));
        assert.deepEqual(await store.keys(text), ['key']);
        assert.equal(await store.get(text, text), undefined);
        assert.equal(await store.get(`scope ${index % 3}`, text), String(index));
        assert.equal(await store.get(`scope ${(index + 1) % 3}`, text), undefined);
      }
    });

    test('keeps the last value of a key', async (t) => {
      const { store } = await setUp(t);
      await set(store, 's', 'a', '1');
      await set(store, 's', 'a', '2');
      assert.equal(await store.get('s', 'a'), '2');
      assert.deepEqual(await store.keys('s'), ['a']);
    });

    test('removes a value once, and no other', async (t) => {
      const { store } = await setUp(t);
      for (const [scope, key] of [
        ['s', 'a'],
        ['s', 'b'],
        ['other', 'a'],
      ] as const)
        await set(store, scope, key, '1');
      assert.equal(await store.delete('s', 'a'), true);
      assert.equal(await store.delete('s', 'a'), false);
      assert.equal(await store.get('s', 'a'), undefined);
      assert.deepEqual([await store.keys('s'), await store.keys('other')], [['b'], ['a']]);
    });

    test('clears a scope, and no other', async (t) => {
      const { store } = await setUp(t);
      for (const [scope, key] of [
        ['s', 'a'],
        ['s', 'b'],
        ['s2', 'a'],
      ] as const)
        await set(store, scope, key, '1', TTL_MS);
      await store.clear('s');
      await store.clear('s');
      assert.deepEqual([await store.keys('s'), await store.keys('s2')], [[], ['a']]);
      assert.equal(await store.get('s', 'a'), undefined);
      assert.equal(await write(store, 's', 'a', { expected: null }), 'kept');
    });

    test('writes only in place of the expected value', async (t) => {
      const { store } = await setUp(t);
      assert.equal(await write(store, 's', 'a', { value: '1', expected: '0' }), 'unexpected');
      assert.equal(await store.get('s', 'a'), undefined);
      assert.equal(await write(store, 's', 'a', { value: '1', expected: null }), 'kept');
      assert.equal(await write(store, 's', 'a', { value: '2', expected: null }), 'unexpected');
      assert.equal(await write(store, 's', 'a', { value: '2', expected: '"1"' }), 'unexpected');
      assert.equal(await store.get('s', 'a'), '1');
      assert.equal(await write(store, 's', 'a', { value: '2', expected: '1' }), 'kept');
      assert.equal(await store.get('s', 'a'), '2');
    });

    test('keeps one of the values that are written at the same time in place of the same one', async (t) => {
      const { store } = await setUp(t);
      for (const expected of [null, '"0"']) {
        if (expected !== null) await set(store, 's', 'a', expected);
        const values = Array.from({ length: 20 }, (_, index) => String(index));
        const written = await Promise.all(values.map((value) => write(store, 's', 'a', { value, expected })));
        assert.deepEqual(written.toSorted(), ['kept', ...Array<StateWritten>(19).fill('unexpected')]);
        assert.equal(await store.get('s', 'a'), values[written.indexOf('kept')]);
      }
    });

    test('shows no expired value to any method', async (t) => {
      const { store, clock } = await setUp(t);
      for (const [method, look, expected] of [
        ['get', () => store.get('s', 'a'), undefined],
        ['delete', () => store.delete('s', 'a'), false],
        ['keys', () => store.keys('s'), []],
        ['write in place of nothing', () => write(store, 's', 'a', { expected: null }), 'kept'],
        ['write in its place', () => write(store, 's', 'a', { expected: '"old"' }), 'unexpected'],
      ] as const) {
        await set(store, 's', 'a', '"old"', TTL_MS);
        clock.advance(TTL_MS - 1);
        assert.equal(await store.get('s', 'a'), '"old"');
        clock.advance(1);
        assert.deepEqual(await look(), expected, method);
      }
    });

    test('replaces the time of a value along with it, and leaves it when it does not', async (t) => {
      const { store, clock } = await setUp(t);
      await set(store, 's', 'longer', '1', TTL_MS);
      await set(store, 's', 'longer', '1', 2 * TTL_MS);
      await set(store, 's', 'shorter', '1', 2 * TTL_MS);
      await set(store, 's', 'shorter', '1', TTL_MS);
      await set(store, 's', 'forever', '1', TTL_MS);
      await set(store, 's', 'forever', '1', undefined);
      await set(store, 's', 'left', '1', TTL_MS);
      await write(store, 's', 'left', { expected: '2', ttlMs: 2 * TTL_MS });
      clock.advance(TTL_MS);
      assert.deepEqual((await store.keys('s')).toSorted(), ['forever', 'longer']);
      clock.advance(TTL_MS);
      assert.deepEqual(await store.keys('s'), ['forever']);
    });

    test('keeps so many values of a scope: refuses one more, but not another value of a key', async (t) => {
      const { store, clock } = await setUp(t);
      for (const key of ['a', 'b', 'c', 'd']) await set(store, 's', key, '1');
      await set(store, 's', 'e', '1', TTL_MS);
      assert.equal(await set(store, 's', 'f', '1'), 'tooManyKeys');
      assert.equal(await store.get('s', 'f'), undefined);
      assert.equal(await set(store, 's', 'a', '2'), 'kept');
      assert.equal(await set(store, 'other', 'f', '1'), 'kept');
      await store.delete('s', 'a');
      assert.equal(await set(store, 's', 'f', '1'), 'kept');
      assert.equal(await set(store, 's', 'g', '1'), 'tooManyKeys');
      clock.advance(TTL_MS);
      assert.equal(await set(store, 's', 'g', '1'), 'kept', 'an expired one does not count');
    });

    test('keeps so many bytes of a scope, its keys and values in UTF-8', async (t) => {
      const { store, clock } = await setUp(t);
      assert.equal(await set(store, 's', 'a', textOf(499)), 'kept');
      assert.equal(await set(store, 's', 'ü', textOf(499)), 'tooManyBytes');
      assert.equal(await set(store, 's', 'ü', textOf(497, 'ü')), 'kept');
      assert.equal(await set(store, 's', 'a', textOf(501)), 'tooManyBytes');
      assert.equal(await store.get('s', 'a'), textOf(499), 'what is refused changes nothing');
      assert.equal(await set(store, 's', 'b', '1'), 'tooManyBytes');
      assert.equal(await set(store, 'other', 'b', textOf(500)), 'kept');
      assert.equal(await set(store, 's', 'a', textOf(498), TTL_MS), 'kept');
      assert.equal(await set(store, 's', 'b', textOf(3)), 'tooManyBytes');
      clock.advance(TTL_MS);
      assert.equal(await set(store, 's', 'b', textOf(499)), 'kept', 'an expired one does not count');
    });

    test('agrees with a plain map after any sequence of operations', async (t) => {
      const seed = 20_261_130;
      const random = createRandom(seed);
      const { store, clock } = await setUp(t);
      const model = new Map<string, { value: string; expiresAt: number }>();
      for (let step = 0; step < 1000; step += 1) {
        clock.advance(random.int(0, TTL_MS / 20));
        for (const [known, { expiresAt }] of model) if (expiresAt <= clock.now()) model.delete(known);
        const [scope, key] = [random.pick(['s', 't']), random.pick(['a', 'b', 'c', 'd', 'e', 'f', 'g'])];
        const before = model.get(scope + key);
        const context = `seed ${seed}, step ${step}`;
        const action = random.int(0, 20);
        if (action === 0) {
          await store.clear(scope);
          for (const known of model.keys()) if (known.startsWith(scope)) model.delete(known);
        } else if (action < 4) {
          assert.equal(await store.delete(scope, key), before !== undefined, context);
          model.delete(scope + key);
        } else {
          const value = textOf(random.int(2, 400));
          const expected = random.pick([undefined, null, before?.value ?? null]);
          const ttlMs = random.pick([undefined, TTL_MS, 2 * TTL_MS]);
          const written = writtenTo(model, scope, key, value, expected);
          assert.equal(await write(store, scope, key, { value, expected, ttlMs }), written, context);
          if (written === 'kept') model.set(scope + key, { value, expiresAt: clock.now() + (ttlMs ?? Infinity) });
        }
        const keys = [...model.keys()].filter((known) => known.startsWith(scope)).map((known) => known.slice(1));
        assert.deepEqual((await store.keys(scope)).toSorted(), keys.toSorted(), context);
        assert.equal(await store.get(scope, key), model.get(scope + key)?.value, context);
      }
    });
  });
}

/** What must become of a value, by the names and values that there are. */
function writtenTo(
  model: Map<string, { value: string }>,
  scope: string,
  key: string,
  value: string,
  expected: string | null | undefined,
): StateWritten {
  const known = model.get(scope + key);
  if (expected !== undefined && (known?.value ?? null) !== expected) return 'unexpected';
  const others = [...model].filter(([name]) => name.startsWith(scope) && name !== scope + key);
  if (!known && others.length >= BOUNDS.maxKeysPerScope) return 'tooManyKeys';
  const bytes = others.reduce((sum, [, other]) => sum + 1 + other.value.length, 1 + value.length);
  return bytes > BOUNDS.maxBytesPerScope ? 'tooManyBytes' : 'kept';
}

function set(store: StateStore, scope: string, key: string, value: string, ttlMs?: number): Promise<StateWritten> {
  return write(store, scope, key, { value, ttlMs });
}

function write(
  store: StateStore,
  scope: string,
  key: string,
  { value = '"new"', expected, ttlMs }: Partial<StateWrite>,
): Promise<StateWritten> {
  return store.write(scope, key, { value, expected, ttlMs });
}

/** A text as JSON of so many bytes in UTF-8. */
function textOf(bytes: number, character = 'x'): string {
  const size = Buffer.byteLength(character);
  const count = Math.floor((bytes - 2) / size);
  return JSON.stringify(character.repeat(count) + 'x'.repeat(bytes - 2 - count * size));
}
