/** Nodes are restarted one after the other under load, and nobody notices. Not part of `npm test`: it needs redis-server and nginx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../support/random.ts';
import { on, startCluster, type Cluster } from './cluster.ts';
import { beginnings, counts, progressProblem, startLoad } from './load.ts';
import type { Spreading } from './nginx.ts';
import { listenAt, nextSaid, readRest, speakOn } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 300_000;
const ROUNDS = 2;
const { CLUSTER_SEED = '1' } = process.env;

for (const spreading of ['round robin', 'by session'] satisfies Spreading[]) {
  test(`a rolling restart fails not one call, ${spreading}`, { timeout: TIMEOUT_MS }, async (t) => {
    const random = createRandom(Number(CLUSTER_SEED));
    const cluster = await startCluster(t, { spreading });
    const load = await startLoad(cluster, { random, sessions: 24, modern: 6 });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const node of cluster.nodes) {
        await delay(random.int(200, 1000));
        assert.equal(await node.stop(), 0);
        await node.start();
      }
    }
    await load.stop();
    t.diagnostic(`seed ${CLUSTER_SEED}: ${ROUNDS * cluster.nodes.length} restarts; ${counts(load.outcomes)}`);
    assert.deepEqual(
      load.outcomes.filter(({ end, status }) => end !== 'result' || status !== 200),
      [],
      cluster.nginx.log,
    );
    assert.deepEqual(load.outcomes.map(progressProblem).filter(Boolean), []);
    assert.equal(beginnings(cluster).size, load.outcomes.length);
    const log = logOf(cluster);
    assert.match(log, /"callsCut":0\b/);
    assert.doesNotMatch(log, /"callsCut":[1-9]/);
  });
}

test('streams of a node that stops go on elsewhere', { timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { size: 2 });
  const [one, two] = [cluster.node(0), cluster.node(1)];
  const session = await cluster.open();
  const onGet = await listenAt(one, session);
  const { name, stream, primed } = await speakOn(one, session);
  one.tell({ speech: name, say: 'before' });
  assert.deepEqual(await nextSaid(stream), ['before']);
  const resumed = await listenAt(two, session, primed);
  const stopped = one.stop();
  one.tell({ speech: name, say: 'while it stops' });
  one.tell({ speech: name, end: 'done' });
  // The node waits for the call.
  assert.deepEqual(await readRest(resumed), ['before', 'while it stops', '= done']);
  assert.equal(await stopped, 0);
  assert.deepEqual(await readRest(onGet), []);
  const next = await listenAt(two, session);
  two.tell({ log: 'after', session: session.id });
  assert.deepEqual(await nextSaid(next), ['after']);
  assert.equal((await on(two, session).delete()).status, 204);
});

function logOf({ nodes }: Cluster): string {
  return nodes.map(({ log }) => log).join('');
}
