/** Redis goes away under load, and comes back. Not part of `npm test`: it needs redis-server and nginx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { answerOf, modernRequest, readStream, rpc } from '../support/app.ts';
import { createRandom } from '../support/random.ts';
import { remoteApp } from '../support/remote.ts';
import { on, startCluster, type Cluster } from './cluster.ts';
import { beginnings, counts, startLoad } from './load.ts';
import { listenAt, nextSaid, said } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 180_000;
/** How many calls of 2026-07-28 are made while Redis is away. */
const CALLS = 20;
/** How long to wait before looking again. */
const LOOK_AGAIN_MS = 100;
const { CLUSTER_SEED = '1' } = process.env;

async function readiness({ nodes }: Cluster): Promise<string[]> {
  return Promise.all(
    nodes.map(async ({ url }) => {
      const response = await fetch(new URL('/readyz', url));
      return `${response.status} ${await response.text()}`;
    }),
  );
}

async function becomes(cluster: Cluster, wanted: string): Promise<void> {
  while ((await readiness(cluster)).some((found) => found !== wanted)) await delay(LOOK_AGAIN_MS);
}

for (const isPersisted of [true, false]) {
  const how = isPersisted ? 'with everything' : 'empty';
  test(`Redis is killed under load, and comes back ${how}`, { timeout: TIMEOUT_MS }, async (t) => {
    const cluster = await startCluster(t, {
      redis: isPersisted ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [],
    });
    const session = await cluster.open();
    const listening = { notifications: { toolsListChanged: true } };
    const heard = readStream(
      await remoteApp(cluster.node(0).url).request('POST', modernRequest('subscriptions/listen', listening)),
    );
    t.after(() => heard.cancel().catch(() => {}));
    await heard.next();
    const load = await startLoad(cluster, { random: createRandom(Number(CLUSTER_SEED)), sessions: 8, modern: 3 });
    await delay(1000);
    await cluster.redis.kill();
    const outage = performance.now();
    await becomes(cluster, '200 degraded');

    await t.test('and requests in sessions are answered 503 with Retry-After meanwhile', async () => {
      for (const node of cluster.nodes) {
        for (const send of [() => on(node, session).post(rpc('ping')), () => on(node, session).get()]) {
          const response = await send();
          assert.equal(response.status, 503);
          assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
          assert.equal((await answerOf(response)).error?.code, -32000);
        }
      }
    });

    await t.test('and calls of 2026-07-28 go on', async () => {
      for (let i = 0; i < CALLS; i += 1) {
        const call = modernRequest('tools/call', { name: 'node', arguments: {} });
        const response = await remoteApp(cluster.url).request('POST', call);
        assert.equal(response.status, 200);
        assert.match((await answerOf(response)).result?.content?.[0]?.text ?? '', /^node \d$/);
      }
    });

    await cluster.redis.restart();
    await becomes(cluster, '200 ok');
    const back = performance.now();
    await load.stop();
    t.diagnostic(`seed ${CLUSTER_SEED}, ${how}: ${counts(load.outcomes)}`);

    await t.test('and calls fail only in sessions, meanwhile or because they are gone', () => {
      const failed = load.outcomes.filter(({ end }) => end !== 'result');
      const lost = isPersisted ? [503] : [503, 404];
      const wrong = failed.filter(
        ({ era, status = 0, sentAt, overAt }) =>
          era === 'modern' || !lost.includes(status) || overAt < outage || (status === 503 && sentAt > back),
      );
      assert.deepEqual(wrong, []);
      assert.ok(failed.length > 0);
      beginnings(cluster);
    });

    await t.test(`and sessions ${isPersisted ? 'go on' : 'are gone, and new ones work'}, on every node`, async () => {
      for (const node of cluster.nodes) {
        const response = await on(node, session).post(rpc('ping'));
        assert.equal(response.status, isPersisted ? 200 : 404);
      }
      const next = isPersisted ? session : await cluster.open();
      const stream = await listenAt(cluster.node(2), next);
      for (const node of cluster.nodes) {
        node.tell({ log: `from ${node.name}`, session: next.id });
        assert.deepEqual(await nextSaid(stream), [`from ${node.name}`]);
      }
      await stream.cancel();
    });

    await t.test('and a stream of subscriptions/listen hears what changes on other nodes, as before', async () => {
      cluster.node(1).tell({ changed: 'tools' });
      // If Redis has lost the changes before, it was told that there may have been some.
      let texts = said(await heard.next());
      while (texts.length === 0) texts = said(await heard.next());
      assert.deepEqual(texts, ['notifications/tools/list_changed']);
    });

    await t.test('and no node was restarted, or has failed in any other way', () => {
      for (const { log } of cluster.nodes) {
        assert.equal(log.match(/listening on/g)?.length, 1);
        assert.doesNotMatch(log, /a request failed|"status":500\b/);
      }
    });
  });
}
