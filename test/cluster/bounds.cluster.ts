/** Caps and expiry that nodes share. Not part of `npm test`: it needs redis-server and nginx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSON_HEADERS, initializeRequest, openSession, rpc, sessionOf } from '../support/app.ts';
import { remoteApp } from '../support/remote.ts';
import { on, startCluster, type Cluster } from './cluster.ts';
import { listenAt, nextSaid, readRest, speakOn } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 120_000;
const TOKENS = ['alice', 'bob'].map((name) => [name, `${name}-0123456789abcdef0123456789abcdef`] as const);
/** Longer than a node reuses its count of all sessions. */
const COUNT_CACHE_MS = 1100;

/** Waits until a node has reported the end of a session, and returns all reports of it. */
async function endOf(cluster: Cluster, id: string, reason: string): Promise<number> {
  await Promise.any(cluster.nodes.map((node) => node.told({ ended: id, reason })));
  return cluster.nodes.flatMap(({ reports }) => reports).filter((line) => 'ended' in line && line.ended === id).length;
}

test('sessions expire on three nodes', { timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t, { env: { MCP_SESSION_IDLE_SECONDS: '3' } });
  const [one, two, three] = [cluster.node(0), cluster.node(1), cluster.node(2)];
  const [idle, listening, calling, polling] = [
    await cluster.open(one.url),
    await cluster.open(one.url),
    await cluster.open(one.url),
    await cluster.open(one.url),
  ];
  const stream = await listenAt(two, listening);
  const speech = await speakOn(three, calling);
  const polls = setInterval(() => void on(two, polling).call('node', {}), 500);
  t.after(() => clearInterval(polls));

  await t.test('once if nobody uses them, and are gone on every node', async () => {
    assert.equal(await endOf(cluster, idle.id, 'expired'), 1);
    for (const node of cluster.nodes) assert.equal((await on(node, idle).post(rpc('ping'))).status, 404);
  });

  await t.test('not while a stream is open, a call runs or requests come, on whichever node', async () => {
    // Opened after the others, it ends only when they would have.
    const later = await cluster.open(two.url);
    assert.equal(await endOf(cluster, later.id, 'expired'), 1);
    clearInterval(polls);
    one.tell({ log: 'still there', session: listening.id });
    assert.deepEqual(await nextSaid(stream), ['still there']);
    three.tell({ speech: speech.name, end: 'done' });
    assert.deepEqual(await readRest(speech.stream), ['= done']);
    assert.equal((await on(one, polling).post(rpc('ping'))).status, 200);
    await stream.cancel();
  });

  await t.test('after the last stream has ended', async () => {
    assert.equal(await endOf(cluster, listening.id, 'expired'), 1);
  });
});

test('caps count the sessions of all nodes', { timeout: TIMEOUT_MS }, async (t) => {
  const env = {
    MCP_AUTH_TOKENS: TOKENS.map(([name, token]) => `${name}:${token}`).join(),
    MCP_MAX_SESSIONS_PER_PRINCIPAL: '3',
    MCP_MAX_SESSIONS: '5',
  };
  const cluster = await startCluster(t, { env });
  const headersOf = (name: string) => ({ authorization: `Bearer ${new Map(TOKENS).get(name)}` });
  const openAt = (url: string, name: string) => openSession(remoteApp(url), headersOf(name));
  const statusOf = async (id: string, name: string) =>
    (await sessionOf(remoteApp(cluster.url), id, headersOf(name)).post(rpc('ping'))).status;
  const alices: string[] = [];
  for (const { url } of cluster.nodes) alices.push((await openAt(url, 'alice')).id);

  await t.test('of a principal, and the least recently used one makes room', async () => {
    const [first = '', second = '', third = ''] = alices;
    assert.equal(await statusOf(first, 'alice'), 200);
    const fourth = await openAt(cluster.node(0).url, 'alice');
    assert.deepEqual(
      await Promise.all([first, second, third, fourth.id].map((id) => statusOf(id, 'alice'))),
      [200, 404, 200, 200],
    );
    assert.equal(await endOf(cluster, second, 'evicted'), 1);
  });

  await t.test('of all, whoever has them', async () => {
    await new Promise((resolve) => setTimeout(resolve, COUNT_CACHE_MS));
    for (const { url } of cluster.nodes) {
      await openAt(url, 'bob');
      await new Promise((resolve) => setTimeout(resolve, COUNT_CACHE_MS));
    }
    const left = await Promise.all(alices.map((id) => statusOf(id, 'alice')));
    assert.ok(left.includes(404), String(left));
  });

  await t.test('and nobody uses the session of another', async () => {
    const { id } = await openAt(cluster.node(0).url, 'bob');
    for (const { url } of cluster.nodes) {
      const stranger = sessionOf(remoteApp(url), id, headersOf('alice'));
      assert.equal((await stranger.post(rpc('ping'))).status, 404);
      assert.equal((await stranger.get()).status, 404);
      assert.equal((await stranger.delete()).status, 404);
    }
    assert.equal(await statusOf(id, 'bob'), 200);
  });

  await t.test('and a caller without a token gets 401 from every node', async () => {
    for (const { url } of cluster.nodes) {
      const answer = await remoteApp(url).request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
      assert.equal(answer.status, 401);
    }
  });
});
