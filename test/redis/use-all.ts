/** What a Redis user with few rights must be able to do, and the rights that the docs list for that. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenEngines } from '../../src/contracts/engines.ts';
import { append } from '../contracts/append.ts';
import { PROJECT_ROOT } from '../support/process.ts';
import { waitFor } from '../support/time.ts';

/** The arguments of `ACL SETUSER mcp` for one Redis, and what a cluster needs beyond them. */
export async function listedRights(): Promise<{ one: string[]; cluster: string[] }> {
  const docs = await readFile(join(PROJECT_ROOT, 'docs/redis.md'), 'utf8');
  const [, one = ''] = /^ACL SETUSER mcp (.*)$/m.exec(docs) ?? [];
  const [, cluster = ''] = /^On a cluster, add `([^`]*)`/m.exec(docs) ?? [];
  assert.ok(one && cluster);
  return { one: one.split(' '), cluster: cluster.split(' ') };
}

/** Uses every part of the engines once. */
export async function useAll({
  sessionStore,
  eventLog,
  stateStore,
  changes,
  relay,
  rateCounter,
}: OpenEngines): Promise<void> {
  const parts = { createdAt: 0, initialize: '{}', initialized: true, subscriptions: [], toldChange: 0, version: 1 };
  const write = { value: '1', expected: undefined, ttlMs: undefined };
  const told: unknown[] = [];
  changes.subscribe((event) => void told.push(event));
  await sessionStore.create({ id: 's', principal: 'p', ...parts });
  await sessionStore.create({ id: 'expired', principal: 'p', ...parts });
  assert.notEqual(await sessionStore.get('s'), undefined);
  assert.notEqual(await sessionStore.use('s', 'p'), undefined);
  assert.equal(await sessionStore.update('s', { subscribe: 'urn:1' }), 2);
  assert.deepEqual([await sessionStore.count(), await sessionStore.count('p')], [2, 2]);
  assert.deepEqual((await sessionStore.leastRecentlyUsed(2, 'p')).toSorted(), ['expired', 's']);
  assert.deepEqual((await sessionStore.leastRecentlyUsed(2)).toSorted(), ['expired', 's']);
  assert.deepEqual(await sessionStore.takeExpired(10), []);
  const woken: string[] = [];
  const leave = await eventLog.follow('s', (streamId) => void woken.push(streamId));
  const id = await append(eventLog, 's', 'get', '{}', { mayBeLost: true });
  for (let i = 0; i < 1001; i += 1) await append(eventLog, 's', 'get', '{}', { mayBeLost: true });
  assert.equal((await eventLog.after('s', id))?.isComplete, false);
  assert.notEqual(await eventLog.hold('s', 'get', 'me'), undefined);
  assert.equal((await eventLog.take('s', 'get', 'me'))?.length, 1000);
  await eventLog.touch('s');
  await eventLog.end('s', 'get');
  const large = JSON.stringify('x'.repeat(1_500_000));
  for (const stream of ['a', 'b']) {
    await append(eventLog, 's', stream, large);
    await eventLog.end('s', stream);
  }
  assert.equal(await eventLog.after('s', id), undefined, 'it has made room');
  await waitFor(() => woken.includes('get'));
  leave();
  for (const scope of ['session:s', 'caller:p']) {
    assert.equal(await stateStore.write(scope, 'a', write), 'kept');
    assert.equal(await stateStore.write(scope, 'b', { ...write, ttlMs: 1 }), 'kept');
    assert.equal(await stateStore.get(scope, 'a'), '1');
    await waitFor(async () => (await stateStore.keys(scope)).length === 1);
    assert.equal(await stateStore.delete(scope, 'a'), true);
  }
  await stateStore.clear('session:s');
  // More than the log keeps, but not all at once, which might take longer than an answer may.
  for (let count = 0; count <= 10_000; count += 500) {
    for (let i = count; i < count + 500; i += 1) changes.publish({ kind: 'resource_updated', uri: `urn:${i}` });
    await waitFor(() => told.length >= count + 500);
  }
  assert.equal((await changes.since(0)).isComplete, false);
  const relayed = await relay.join('s', () => {});
  await relay.send('s', { kind: 'changed' });
  relayed();
  assert.equal(await relay.isAlive('0'.repeat(32)), false);
  const counts = [await rateCounter?.add('minute', 'a', 1, 60), await rateCounter?.add('minute', 'a', 2, 60)];
  assert.deepEqual(
    counts.map((count) => count?.points),
    [1, 3],
  );
  await eventLog.delete('s');
  assert.equal(await sessionStore.delete('s'), true);
}
