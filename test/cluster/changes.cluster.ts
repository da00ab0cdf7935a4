/** What changes on one node, and who hears of it on others, once. Not part of `npm test`: it needs redis-server and nginx. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { answerOf, modernRequest, readStream, rpc, type LegacySession, type StreamReader } from '../support/app.ts';
import { remoteApp } from '../support/remote.ts';
import { on, startCluster } from './cluster.ts';
import type { ClusterNode } from './node.ts';
import { listenAt, nextSaid, said } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 120_000;
const TOOLS = 'notifications/tools/list_changed';
const PROMPTS = 'notifications/prompts/list_changed';

async function subscribe(node: ClusterNode, session: LegacySession, uri: string, method = 'subscribe'): Promise<void> {
  assert.deepEqual((await answerOf(await on(node, session).post(rpc(`resources/${method}`, { uri })))).result, {});
}

/** Opens `subscriptions/listen` of 2026-07-28, and waits until the server listens. */
async function listenModern(t: TestContext, { url }: ClusterNode, uri: string): Promise<StreamReader> {
  const notifications = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [uri] };
  const stream = readStream(
    await remoteApp(url).request('POST', modernRequest('subscriptions/listen', { notifications })),
  );
  t.after(() => stream.cancel().catch(() => {}));
  assert.deepEqual(said(await stream.next()), ['notifications/subscriptions/acknowledged']);
  return stream;
}

test('changes on three nodes', { timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t);
  const [one, two, three] = [cluster.node(0), cluster.node(1), cluster.node(2)];

  await t.test('reach GET streams on all nodes once, whichever node they happen on', async () => {
    const sessions = await Promise.all(cluster.nodes.map(({ url }) => cluster.open(url)));
    const streams = await Promise.all(sessions.map((session, index) => listenAt(cluster.node(index), session)));
    for (const node of cluster.nodes) {
      node.tell({ changed: 'tools' });
      for (const stream of streams) assert.deepEqual(await nextSaid(stream), [TOOLS]);
      // If something came twice, it would come before this.
      node.tell({ changed: 'prompts' });
      for (const stream of streams) assert.deepEqual(await nextSaid(stream), [PROMPTS]);
    }
    await Promise.all(streams.map((stream) => stream.cancel()));
  });

  await t.test('reach a GET stream on one node of what was subscribed to on another', async () => {
    const session = await cluster.open(one.url);
    const stream = await listenAt(three, session);
    await subscribe(one, session, 'test:wanted');
    await subscribe(two, session, 'test:unwanted');
    await subscribe(one, session, 'test:unwanted', 'unsubscribe');
    for (const node of cluster.nodes) {
      node.tell({ updated: 'test:unwanted' });
      node.tell({ updated: 'test:wanted' });
      assert.deepEqual(await nextSaid(stream), ['test:wanted']);
    }
    two.tell({ changed: 'tools' });
    assert.deepEqual(await nextSaid(stream), [TOOLS]);
    await stream.cancel();
  });

  await t.test('wait for the next GET stream, on any node, and are told there once', async () => {
    const session = await cluster.open(one.url);
    const first = await listenAt(one, session);
    two.tell({ changed: 'tools' });
    assert.deepEqual(await nextSaid(first), [TOOLS]);
    await first.cancel();
    const heard = await listenModern(t, three, 'test:none');
    for (let i = 0; i < 3; i += 1) {
      two.tell({ changed: 'prompts' });
      assert.deepEqual(await nextSaid(heard), [PROMPTS]);
    }
    const second = await listenAt(three, session);
    assert.deepEqual(await nextSaid(second), [PROMPTS]);
    one.tell({ changed: 'tools' });
    assert.deepEqual(await nextSaid(second), [TOOLS]);
    await second.cancel();
  });

  await t.test('reach the streams of subscriptions/listen on all nodes once', async () => {
    const streams = await Promise.all(cluster.nodes.map((node) => listenModern(t, node, 'test:watched')));
    for (const node of cluster.nodes) {
      node.tell({ updated: 'test:other' });
      node.tell({ updated: 'test:watched' });
      node.tell({ changed: 'tools' });
      for (const stream of streams) assert.deepEqual(await nextSaid(stream, 2), ['test:watched', TOOLS]);
    }
  });
});
