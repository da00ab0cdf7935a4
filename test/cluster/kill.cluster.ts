/**
 * Nodes that are killed under load: nothing is lost but the calls that ran on them. Not part of `npm test`: it needs
 * redis-server and nginx.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { rpc } from '../support/app.ts';
import { createRandom } from '../support/random.ts';
import { startCluster } from './cluster.ts';
import { beginnings, counts, progressProblem, startLoad, type CallOutcome } from './load.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 300_000;
/** For how long nodes are killed. */
const KILLING_MS = 60_000;
const { CLUSTER_SEED = '1' } = process.env;

interface Kill {
  node: string;
  from: number;
  until: number;
}

test('nodes are killed one after the other', { timeout: TIMEOUT_MS }, async (t) => {
  const random = createRandom(Number(CLUSTER_SEED));
  const cluster = await startCluster(t);
  const load = await startLoad(cluster, { random, sessions: 24, modern: 6 });
  const kills: Kill[] = [];
  for (const end = performance.now() + KILLING_MS; performance.now() < end;) {
    await delay(random.int(500, 3000));
    const node = random.pick(cluster.nodes);
    const from = performance.now();
    await node.kill();
    kills.push({ node: node.name, from, until: performance.now() });
    await delay(random.int(0, 1000));
    await node.start();
  }
  await load.stop();

  const begun = beginnings(cluster);
  const lost = load.outcomes.filter(({ end }) => end !== 'result');
  t.diagnostic(`seed ${CLUSTER_SEED}: ${kills.length} kills; ${counts(load.outcomes)}`);

  await t.test('and only calls that ran on them fail', () => {
    const wrong = lost.filter((outcome) => !isVictim(outcome, begun.get(outcome.name), kills));
    assert.deepEqual(wrong, []);
    assert.ok(load.outcomes.length > lost.length * 2, 'there were others');
  });

  await t.test('and whoever resumes such a call is answered with an error', () => {
    const resumable = lost.filter(({ resumed }) => resumed > 0);
    assert.deepEqual(
      resumable.filter(({ end }) => end !== 'error'),
      [],
    );
    assert.ok(resumable.length > 0, 'somebody did');
  });

  await t.test('and every call that has a result has reported each step once, in order', () => {
    assert.deepEqual(load.outcomes.map(progressProblem).filter(Boolean), []);
  });

  await t.test('and no session is lost', async () => {
    const statuses = await Promise.all(load.sessions.map(async (session) => (await session.post(rpc('ping'))).status));
    assert.deepEqual(new Set(statuses), new Set([200]));
    assert.deepEqual(
      load.outcomes.filter(({ status }) => status === 404 || status === 400),
      [],
    );
  });
});

/** Whether a node was killed while a call was on its way, or ran there. */
function isVictim({ sentAt, overAt }: CallOutcome, ranOn: string | undefined, kills: readonly Kill[]): boolean {
  return kills.some(
    ({ node, from, until }) => sentAt <= until && from <= overAt && (ranOn === undefined || ranOn === node),
  );
}
