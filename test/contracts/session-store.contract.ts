/** The contract of `SessionStore`. Each engine runs this suite in its own test file. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import type { SessionRecord, SessionStore } from '../../src/contracts/session-store.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { createRandom } from '../support/random.ts';

const IDLE_MS = 60_000;

/** What a store is made from; `t.after` is the place to clean up. */
export type MakeStore = (
  options: { idleMs: number; clock: Clock },
  t: TestContext,
) => SessionStore | Promise<SessionStore>;

/** Tests the contract on the stores that `makeStore` returns. Each must be new and empty. */
export function sessionStoreContract(name: string, makeStore: MakeStore): void {
  async function setUp(t: TestContext): Promise<{ store: SessionStore; clock: ManualClock }> {
    const clock = manualClock();
    return { store: await makeStore({ idleMs: IDLE_MS, clock }, t), clock };
  }

  describe(`session store contract: ${name}`, () => {
    test('returns a record as it was created', async (t) => {
      const { store } = await setUp(t);
      const full = recordOf('full', 'https://issuer.example|someone|a client: ü, 日本, *', {
        initialized: true,
        logLevel: 'warning',
        subscriptions: ['file:///a b.txt', 'urn:ü:1', ''],
      });
      const bare = recordOf('bare', '');
      await store.create(full);
      await store.create(bare);
      assert.deepEqual(await store.get('full'), full);
      assert.deepEqual(await store.get('bare'), bare);
    });

    test('has no record under another id', async (t) => {
      const { store } = await setUp(t);
      await store.create(recordOf('a'));
      for (const id of ['b', 'A', '', 'a ', '*', '__proto__', 'constructor']) {
        assert.equal(await store.get(id), undefined, id);
        assert.equal(await store.use(id, 'someone'), undefined, id);
        assert.equal(await store.touch(id), undefined, id);
        assert.equal(await store.update(id, { initialized: true }), undefined, id);
        assert.equal(await store.delete(id), false, id);
      }
      assert.equal(await store.count(), 1);
    });

    test('changes what an update names and nothing else', async (t) => {
      const { store } = await setUp(t);
      const created = recordOf('a');
      await store.create(created);
      const before = await store.get('a');
      assert.equal(await store.update('a', { initialized: true }), 2);
      assert.equal(await store.update('a', { logLevel: 'error', toldChange: 9 }), 3);
      for (const subscribe of ['urn:1', 'urn:2', 'urn:2']) await store.update('a', { subscribe });
      assert.equal(await store.update('a', { unsubscribe: 'urn:1' }), 7);
      assert.equal(await store.update('a', { unsubscribe: 'urn:unknown' }), 8);
      const parts = { initialized: true, logLevel: 'error', toldChange: 9, subscriptions: ['urn:2'], version: 8 };
      const changed = { ...created, ...parts };
      assert.deepEqual(await store.get('a'), changed);
      assert.deepEqual(before, created, 'a record once returned stays as it is');
    });

    test('loses none of the changes that are made at the same time, and gives each a version', async (t) => {
      const { store } = await setUp(t);
      await store.create(recordOf('a'));
      const uris = Array.from({ length: 20 }, (_, index) => `urn:${index}`);
      const versions = await Promise.all(uris.map((subscribe) => store.update('a', { subscribe })));
      assert.deepEqual(
        versions.toSorted((a = 0, b = 0) => a - b),
        uris.map((_, index) => index + 2),
      );
      assert.deepEqual((await store.get('a'))?.subscriptions.toSorted(), uris.toSorted());
    });

    test('removes a record once', async (t) => {
      const { store } = await setUp(t);
      await store.create(recordOf('a'));
      await store.create(recordOf('b'));
      assert.equal(await store.delete('a'), true);
      assert.equal(await store.delete('a'), false);
      assert.equal(await store.get('a'), undefined);
      assert.notEqual(await store.get('b'), undefined);
      assert.deepEqual(await store.leastRecentlyUsed(10), ['b']);
    });

    test('keeps a record for the idle time after its creation, whether or not it is read', async (t) => {
      const { store, clock } = await setUp(t);
      await store.create(recordOf('a'));
      clock.advance(IDLE_MS - 1);
      assert.notEqual(await store.get('a'), undefined);
      clock.advance(1);
      assert.equal(await store.get('a'), undefined);
    });

    test('keeps a record for the idle time after its last use', async (t) => {
      const { store, clock } = await setUp(t);
      await store.create(recordOf('a'));
      for (let use = 0; use < 5; use += 1) {
        clock.advance(IDLE_MS - 1);
        assert.equal(await store.touch('a'), 1);
        clock.advance(IDLE_MS - 1);
        assert.notEqual(await store.use('a', 'someone'), undefined);
      }
      clock.advance(IDLE_MS);
      assert.equal(await store.get('a'), undefined);
    });

    test('lets only its principal use a record', async (t) => {
      const { store, clock } = await setUp(t);
      const created = recordOf('a', 'a|b');
      await store.create(created);
      clock.advance(IDLE_MS - 1);
      for (const principal of ['', 'a', 'a|b|c', 'A|B', '*']) {
        assert.equal(await store.use('a', principal), undefined, principal);
      }
      clock.advance(1);
      assert.equal(await store.get('a'), undefined, 'to try is no use');
      await store.create(created);
      await store.update('a', { logLevel: 'error' });
      assert.deepEqual(await store.use('a', 'a|b'), { ...created, logLevel: 'error', version: 2 });
    });

    test('shows an expired record to no method', async (t) => {
      const { store, clock } = await setUp(t);
      const looks: [string, (id: string) => Promise<unknown>, expected: unknown][] = [
        ['use', (id) => store.use(id, 'someone'), undefined],
        ['touch', (id) => store.touch(id), undefined],
        ['update', (id) => store.update(id, { initialized: true }), undefined],
        ['delete', (id) => store.delete(id), false],
        ['count', () => store.count(), 0],
        ['count of a principal', () => store.count('someone'), 0],
        ['leastRecentlyUsed', () => store.leastRecentlyUsed(10), []],
        ['leastRecentlyUsed of a principal', () => store.leastRecentlyUsed(10, 'someone'), []],
      ];
      for (const [method, look, expected] of looks) {
        await store.create(recordOf(method, 'someone'));
        clock.advance(IDLE_MS);
        assert.deepEqual(await look(method), expected, method);
        assert.equal(await store.get(method), undefined, method);
      }
    });

    test('gives out the ids of expired records, each of them once', async (t) => {
      const { store, clock } = await setUp(t);
      for (const id of ['a', 'b', 'c', 'd', 'e', 'used', 'deleted']) await store.create(recordOf(id));
      clock.advance(IDLE_MS - 1);
      assert.deepEqual(await store.takeExpired(10), []);
      await store.touch('used');
      await store.delete('deleted');
      clock.advance(1);
      assert.equal(await store.touch('e'), undefined, 'an id that was shown to be gone is given out all the same');
      const taken = await Promise.all([store.takeExpired(3), store.takeExpired(3), store.takeExpired(3)]);
      assert.ok(taken.every((ids) => ids.length <= 3));
      assert.deepEqual(taken.flat().toSorted(), ['a', 'b', 'c', 'd', 'e']);
      assert.deepEqual(await store.takeExpired(10), []);
      assert.deepEqual(await store.leastRecentlyUsed(10), ['used']);
      clock.advance(IDLE_MS);
      assert.deepEqual(await store.takeExpired(10), ['used']);
    });

    test('gives out the id of a record, or lets it be removed, but not both', async (t) => {
      const { store, clock } = await setUp(t);
      await store.create(recordOf('a'));
      await store.create(recordOf('b'));
      assert.equal(await store.delete('a'), true);
      clock.advance(IDLE_MS);
      assert.equal(await store.delete('b'), false);
      assert.deepEqual(await store.takeExpired(10), ['b']);
      assert.equal(await store.delete('b'), false);
    });

    test('counts all records, and those of one principal', async (t) => {
      const { store } = await setUp(t);
      const principals = ['', 'a', 'a|b', 'a|b', 'a|b|c', '*'];
      for (const [index, principal] of principals.entries()) await store.create(recordOf(`id${index}`, principal));
      assert.equal(await store.count(), 6);
      const counts = await Promise.all(
        ['', 'a', 'a|b', 'a|b|c', '*', 'b', 'A'].map((principal) => store.count(principal)),
      );
      assert.deepEqual(counts, [1, 1, 2, 1, 1, 0, 0]);
    });

    test('names the least recently used first, up to a limit', async (t) => {
      const { store, clock } = await setUp(t);
      for (const [id, principal] of [
        ['1', 'x'],
        ['2', 'y'],
        ['3', 'x'],
        ['4', 'y'],
      ] as const) {
        await store.create(recordOf(id, principal));
        clock.advance(1);
      }
      await store.touch('1');
      clock.advance(1);
      await store.get('2');
      assert.deepEqual(await store.leastRecentlyUsed(10), ['2', '3', '4', '1']);
      assert.deepEqual(await store.leastRecentlyUsed(2), ['2', '3']);
      assert.deepEqual(await store.leastRecentlyUsed(10, 'x'), ['3', '1']);
      assert.deepEqual(await store.leastRecentlyUsed(1, 'y'), ['2']);
      assert.deepEqual(await store.leastRecentlyUsed(10, 'z'), []);
    });

    test('agrees with a plain list of records after any sequence of operations', async (t) => {
      const seed = 20_251_125;
      const random = createRandom(seed);
      const { store, clock } = await setUp(t);
      let model: { id: string; principal: string; usedAt: number }[] = [];
      let created = 0;
      let expired: string[] = [];
      for (let step = 0; step < 500; step += 1) {
        // Never two uses at the same time, since their order would be undefined.
        clock.advance(random.int(1, IDLE_MS / 10));
        const isExpired = ({ usedAt }: { usedAt: number }) => usedAt <= clock.now() - IDLE_MS;
        expired.push(...model.filter(isExpired).map((record) => record.id));
        model = model.filter((record) => !isExpired(record));
        if (step % 4 === 0) {
          assert.deepEqual(
            (await store.takeExpired(1000)).toSorted(),
            expired.toSorted(),
            `seed ${seed}, step ${step}`,
          );
          expired = [];
        }
        const id = `id${random.int(0, created)}`;
        const known = model.find((record) => record.id === id);
        const context = `seed ${seed}, step ${step}`;
        const action = random.pick(['create', 'use', 'touch', 'delete'] as const);
        if (action === 'create') {
          const principal = random.pick(['', 'x', 'y']);
          await store.create(recordOf(`id${++created}`, principal));
          model.push({ id: `id${created}`, principal, usedAt: clock.now() });
        } else if (action === 'use') {
          const principal = random.pick(['', 'x', 'y']);
          const isOwn = known?.principal === principal;
          assert.equal((await store.use(id, principal))?.id, isOwn ? id : undefined, context);
          if (isOwn) model = [...model.filter((record) => record !== known), { ...known, usedAt: clock.now() }];
        } else {
          const found = await store[action](id);
          assert.equal(found !== undefined && found !== false, known !== undefined, context);
          model = model.filter((record) => record !== known);
          if (known && action === 'touch') model.push({ ...known, usedAt: clock.now() });
        }
        const ids = (of: typeof model) => of.map((record) => record.id);
        assert.deepEqual(await store.leastRecentlyUsed(1000), ids(model), context);
        assert.equal(await store.count(), model.length, context);
        const ofX = model.filter(({ principal }) => principal === 'x');
        assert.deepEqual(await store.leastRecentlyUsed(1000, 'x'), ids(ofX), context);
        assert.equal(await store.count('x'), ofX.length, context);
      }
    });
  });
}

function recordOf(id: string, principal = 'someone', more: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    principal,
    createdAt: 1_795_305_600_000,
    initialize: JSON.stringify({
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: { form: {} }, experimental: { 'ü.example/x': { deep: [1, null, 'two'] } } },
      clientInfo: { name: 'test', version: '1.0.0' },
    }),
    initialized: false,
    subscriptions: [],
    toldChange: 0,
    version: 1,
    ...more,
  };
}
