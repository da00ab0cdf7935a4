import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import type { SessionRecord } from '../../src/contracts/session-store.ts';
import { manualClock } from '../support/clock.ts';
import { sessionStoreContract } from '../contracts/session-store.contract.ts';

sessionStoreContract('memory', (options) => createMemorySessionStore(options));

test('holds no more ids of expired records that nobody takes than there were records at a time', async () => {
  const clock = manualClock();
  const store = createMemorySessionStore({ idleMs: 1000, clock });
  for (let round = 0; round < 10; round += 1) {
    for (const place of [1, 2, 3]) await store.create(recordOf(`${round}.${place}`));
    clock.advance(1000);
  }
  assert.deepEqual(await store.takeExpired(1000), ['9.1', '9.2', '9.3']);
});

function recordOf(id: string): SessionRecord {
  return {
    id,
    principal: '',
    createdAt: 0,
    initialize: '{}',
    initialized: true,
    subscriptions: [],
    toldChange: 0,
    version: 1,
  };
}
