/**
 * A node is paused for longer than its heartbeat lasts, and comes back. Not part of `npm test`: it needs redis-server and
 * nginx.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../support/random.ts';
import { on, startCluster } from './cluster.ts';
import { beginnings, counts, progressProblem, startLoad } from './load.ts';
import { listenAt, nextSaid, readRest, said, speakOn } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 180_000;
const { CLUSTER_SEED = '1' } = process.env;

test('a node is paused until it counts as dead, and comes back', { timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t);
  const [one, two, three] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  const load = await startLoad(cluster, { random: createRandom(Number(CLUSTER_SEED)), sessions: 6, modern: 2 });
  const session = await cluster.open(one.url);
  const before = await listenAt(one, session);
  two.tell({ log: 'a', session: session.id });
  let lastOnGet = await before.next();
  while (!lastOnGet.message) lastOnGet = await before.next();
  assert.deepEqual(said(lastOnGet), ['a']);
  const speech = await speakOn(one, session);
  one.tell({ speech: speech.name, say: 'first' });
  assert.deepEqual(await nextSaid(speech.stream), ['first']);
  one.pause();

  // The client takes its connections for broken, and resumes both streams.
  const onGet = await listenAt(two, session, lastOnGet.id);
  three.tell({ log: 'b', session: session.id });
  assert.deepEqual(await nextSaid(onGet), ['b']);
  const resumed = await listenAt(two, session, speech.primed);
  assert.deepEqual(await nextSaid(resumed), ['first']);

  await t.test('and whoever has resumed its call is answered with an error meanwhile', async () => {
    assert.deepEqual(await readRest(resumed), ['! -32000']);
  });

  // It reads this as soon as it goes on.
  one.tell({ speech: speech.name, say: 'too late' });
  one.tell({ speech: speech.name, end: 'far too late' });
  one.resume();
  assert.equal((await on(one, session).call('node', {})).result?.content?.[0]?.text, 'node 1');

  await t.test('and then has nothing to add to what was ended without it', async () => {
    assert.deepEqual(await readRest(speech.stream), []);
    assert.deepEqual(await readRest(await listenAt(three, session, speech.primed)), ['first', '! -32000']);
    assert.deepEqual(await readRest(await listenAt(one, session, speech.primed)), ['first', '! -32000']);
  });

  await t.test('and the GET stream goes on where the client has opened it last, in order and once', async () => {
    assert.deepEqual(await readRest(before), []);
    for (const node of [one, two, three, one]) {
      node.tell({ log: `from ${node.name}`, session: session.id });
      assert.deepEqual(await nextSaid(onGet), [`from ${node.name}`]);
    }
    const again = await listenAt(one, session, lastOnGet.id);
    assert.deepEqual(await nextSaid(again, 5), ['b', 'from node 1', 'from node 2', 'from node 3', 'from node 1']);
    await again.cancel();
  });

  await t.test('and goes on with the calls that nobody has resumed', async () => {
    await load.stop();
    t.diagnostic(`seed ${CLUSTER_SEED}: ${counts(load.outcomes)}`);
    assert.deepEqual(
      load.outcomes.filter(({ end }) => end !== 'result'),
      [],
    );
    assert.deepEqual(load.outcomes.map(progressProblem).filter(Boolean), []);
    // Each of them once, and besides those the speech.
    assert.equal(beginnings(cluster).size, load.outcomes.length + 1);
  });
});
