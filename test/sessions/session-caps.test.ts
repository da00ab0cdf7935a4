import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { createSessionCaps } from '../../src/sessions/session-caps.ts';
import { manualClock } from '../support/clock.ts';

const MAX = 5;
const parts = { createdAt: 0, initialize: '{}', initialized: true, subscriptions: [], toldChange: 0, version: 1 };

for (const [what, maxSessions, maxSessionsPerPrincipal] of [
  ['in all', MAX, 1000],
  ['of one principal', 1000, MAX],
] as const) {
  test(`nodes that have created too many sessions ${what} at the same time end them with the next one`, async () => {
    const store = createMemorySessionStore({ idleMs: 60_000, clock: manualClock() });
    const end = async (id: string) => void (await store.delete(id));
    const options = { store, maxSessions, maxSessionsPerPrincipal, isInUse: () => false, end };
    const nodes = [createSessionCaps(options), createSessionCaps(options)];
    const create = async (node = nodes[0]) => node?.({ id: crypto.randomUUID(), principal: 'p', ...parts });
    await Promise.all(Array.from({ length: 40 }, (_, index) => create(nodes[index % 2])));
    assert.equal(await create(), true);
    assert.equal(await store.count(), MAX);
  });
}
