/** The rounds that look after sessions. What they do for each is in the tests of what they do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import { openSession, readStream, rpc } from '../support/app.ts';
import { createNodes } from '../support/nodes.ts';
import { pass } from '../support/time.ts';

const IDLE_MS = 60_000;

test('a session that cannot be looked after does not keep the others from being looked after', async () => {
  const nodes = createNodes({ MCP_SESSION_IDLE_SECONDS: String(IDLE_MS / 1000) });
  const broken = new Set<string>();
  const sessionStore: SessionStore = {
    ...nodes.store,
    touch: async (id) => (broken.has(id) ? assert.fail('touched') : nodes.store.touch(id)),
  };
  const { app } = nodes.start({}, { sessionStore });
  const listening = [];
  for (let i = 0; i < 3; i += 1) {
    const session = await openSession(app);
    listening.push({ session, stream: readStream(await session.get()) });
  }
  const [first, second, third] = listening;
  assert.ok(first && second && third);
  broken.add(second.session.id);
  const idle = await openSession(app);
  await pass(nodes.clock, 2 * IDLE_MS);
  for (const { session } of [first, third]) assert.equal((await session.post(rpc('ping'))).status, 200);
  assert.equal(await nodes.store.get(idle.id), undefined, 'those that have expired are ended');
  for (const { stream } of listening) await stream.cancel();
});
