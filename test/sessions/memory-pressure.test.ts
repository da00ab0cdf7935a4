/** What the sessions in memory do when the runtime says that memory is short. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate, openSession, readStream, rpc, type LegacySession } from '../support/app.ts';
import { sessionApp } from '../support/session-app.ts';
import { settled } from '../support/time.ts';

const LIMIT = { MCP_MAX_LIVE_SESSIONS: '100' };

/** An app that is told by the test how much memory there is. */
function measuredApp(env: Record<string, string> = LIMIT) {
  const waiting = gate();
  let read: ((isShort: boolean) => void) | undefined;
  const watchMemory = (onReading: (isShort: boolean) => void) => {
    read = onReading;
    return () => void (read = undefined);
  };
  const made = sessionApp({ wait: () => waiting.opened, one: () => 1 }, env, { watchMemory });
  const { app } = made;
  return {
    ...made,
    finish: waiting.open,
    isWatching: () => read !== undefined,
    measured: async (isShort: boolean) => {
      read?.(isShort);
      await settled();
    },
    openMany: async (count: number): Promise<LegacySession[]> => {
      const sessions: LegacySession[] = [];
      while (sessions.length < count) sessions.push(await openSession(app));
      return sessions;
    },
  };
}

test('half of the idle servers are dropped when memory is short, the least recently used first', async () => {
  const { servers, measured, openMany } = measuredApp();
  const [first, second, third, fourth] = await openMany(4);
  await first?.call('one', {});
  await measured(true);
  assert.equal(servers.open, 2);
  for (const session of [fourth, first]) await session?.call('one', {});
  assert.equal(servers.created, 4, 'these two were used last');
  for (const session of [second, third]) await session?.call('one', {});
  assert.equal(servers.created, 6, 'and these two were dropped');
});

test('no server with a stream or a running call is dropped, however short memory is', async () => {
  const { servers, measured, openMany, finish } = measuredApp();
  const [streaming, calling] = await openMany(2);
  assert.ok(streaming && calling);
  const stream = readStream(await streaming.get());
  const call = await calling.post(rpc('tools/call', { name: 'wait', arguments: {} }));
  for (let reading = 0; reading < 3; reading += 1) await measured(true);
  assert.equal(servers.open, 2);
  finish();
  assert.match(await call.text(), /"result"/);
  assert.notEqual((await stream.next()).id, undefined);
  await stream.cancel();
});

test('idle servers become no more before the next reading', async () => {
  const { servers, measured, openMany } = measuredApp();
  await openMany(8);
  await measured(true);
  assert.equal(servers.open, 4);
  await openMany(8);
  assert.equal(servers.open, 4);
  await measured(true);
  assert.equal(servers.open, 2);
});

test('idle servers become more again with each reading that is good, up to MCP_MAX_LIVE_SESSIONS', async () => {
  const { servers, measured, openMany } = measuredApp({ MCP_MAX_LIVE_SESSIONS: '8' });
  await openMany(8);
  for (let reading = 0; reading < 4; reading += 1) await measured(true);
  assert.equal(servers.open, 0);
  const counts = [];
  for (let reading = 0; reading < 6; reading += 1) {
    await measured(false);
    await openMany(20);
    await settled();
    counts.push(servers.open);
  }
  assert.deepEqual(counts, [1, 3, 6, 8, 8, 8]);
});

test('memory is not watched any more once the app has stopped', async () => {
  const { app, isWatching } = measuredApp();
  assert.equal(isWatching(), true);
  await app.drain();
  assert.equal(isWatching(), false);
});
