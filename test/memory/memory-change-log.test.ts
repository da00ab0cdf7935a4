import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryChangeLog } from '../../src/memory/memory-change-log.ts';
import { changeLogContract } from '../contracts/change-log.contract.ts';

changeLogContract('in memory', (options) => createMemoryChangeLog(options));

test('a change log in memory does not keep a URI that is too long to subscribe to, but tells listeners', async () => {
  const log = createMemoryChangeLog();
  const told: unknown[] = [];
  log.subscribe((event) => told.push(event));
  const uris = ['x'.repeat(2048), 'x'.repeat(2049)];
  const events = uris.map((uri) => ({ kind: 'resource_updated', uri }) as const);
  for (const event of events) log.publish(event);
  assert.deepEqual(told, events);
  assert.deepEqual((await log.since(0)).events, events.slice(0, 1));
});
