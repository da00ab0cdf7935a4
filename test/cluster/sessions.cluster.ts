/** A session whose requests meet a different node each time. Not part of `npm test`: it needs redis-server and nginx. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, rpc } from '../support/app.ts';
import { startCluster, on } from './cluster.ts';
import type { Question } from './commands.ts';
import { CAN_ANSWER, listenAt, nextSaid, readRest, speakOn } from './talk.ts';

/** A limit for what never comes. It measures nothing. */
const TIMEOUT_MS = 120_000;
/** What a client answers to each question. */
const ANSWERS: Record<Question, { result: Record<string, unknown>; text: string }> = {
  form: { result: { action: 'accept', content: { name: 'Ada' } }, text: 'Ada' },
  model: { result: { model: 'm', role: 'assistant', content: { type: 'text', text: 'Hello.' } }, text: 'Hello.' },
  roots: { result: { roots: [{ uri: 'file:///work' }] }, text: 'file:///work' },
};

test('a session on three nodes', { timeout: TIMEOUT_MS }, async (t) => {
  const cluster = await startCluster(t);
  const [one, two, three] = [cluster.node(0), cluster.node(1), cluster.node(2)];

  await t.test('is served by every node in turn', async () => {
    const session = await cluster.open();
    const nodes = [];
    for (let i = 0; i < 6; i += 1) nodes.push((await session.call('node', {})).result?.content?.[0]?.text);
    assert.deepEqual(new Set(nodes).size, 3, String(nodes));
  });

  for (const question of ['form', 'model', 'roots'] as const) {
    await t.test(`answers a question (${question}) through another node than the one that asks`, async () => {
      const session = await cluster.open(cluster.url, CAN_ANSWER);
      const onGet = await listenAt(three, session);
      const { name, stream } = await speakOn(one, session);
      one.tell({ speech: name, ask: question });
      const asked = question === 'roots' ? onGet : stream;
      let event = await asked.next();
      while (!event.message) event = await asked.next();
      const { result, text } = ANSWERS[question];
      const answer = { jsonrpc: '2.0', id: event.message['id'], result };
      assert.equal((await on(two, session).post(answer)).status, 202);
      await one.told({ answered: name, with: text });
      one.tell({ speech: name, end: 'done' });
      assert.deepEqual(await nextSaid(stream), ['= done']);
    });
  }

  await t.test('cancels a call through another node', async () => {
    const session = await cluster.open();
    const { name, id, stream } = await speakOn(one, session);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } };
    assert.equal((await on(two, session).post(cancelled)).status, 202);
    await one.told({ cancelled: name });
    assert.deepEqual(await readRest(stream), ['! -32000']);
  });

  await t.test('tells every node that has it that its roots have changed', async () => {
    const session = await cluster.open(one.url, CAN_ANSWER);
    for (const node of [one, two]) await on(node, session).call('node', {});
    const changed = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    assert.equal((await on(three, session).post(changed)).status, 202);
    for (const node of [one, two, three]) await node.told({ rootsChanged: true });
  });

  await t.test('resumes a call on another node while it runs', async () => {
    const session = await cluster.open();
    const { name, stream, primed } = await speakOn(one, session);
    one.tell({ speech: name, say: 'first' });
    one.tell({ speech: name, say: 'second' });
    const { id } = await stream.next();
    assert.deepEqual(await nextSaid(stream), ['second']);
    // It misses the second, as a client does whose connection breaks before that.
    await stream.cancel();
    one.tell({ speech: name, say: 'third' });
    const resumed = await listenAt(two, session, id);
    assert.deepEqual(await nextSaid(resumed, 2), ['second', 'third']);
    one.tell({ speech: name, say: 'fourth' });
    assert.deepEqual(await nextSaid(resumed), ['fourth']);
    one.tell({ speech: name, end: 'done' });
    assert.deepEqual(await readRest(resumed), ['= done']);
    // Once more, when all is over, from the beginning and on yet another node.
    const again = await listenAt(three, session, primed);
    assert.deepEqual(await readRest(again), ['first', 'second', 'third', 'fourth', '= done']);
  });

  await t.test('passes on to its GET stream on one node what servers say on others, in order and once', async () => {
    const session = await cluster.open();
    const stream = await listenAt(three, session);
    const speeches = [await speakOn(one, session), await speakOn(two, session)];
    const expected = [];
    for (let i = 0; i < 10; i += 1) {
      for (const { node, name } of speeches) {
        const text = `${name}, ${i}`;
        node.tell({ speech: name, tell: text });
        expected.push(text);
        // Only one after the other have an order.
        assert.deepEqual(await nextSaid(stream), [text]);
      }
    }
    for (const { node, name } of speeches) node.tell({ speech: name, end: 'done' });
    for (const { stream: own } of speeches) assert.deepEqual(await readRest(own), ['= done']);
    await stream.cancel();
    assert.equal(expected.length, 20);
  });

  await t.test('keeps what its servers say without a GET stream for the next one, on any node', async () => {
    const session = await cluster.open();
    const { name, stream } = await speakOn(one, session);
    for (const text of ['a', 'b', 'c']) one.tell({ speech: name, tell: text });
    one.tell({ speech: name, end: 'done' });
    assert.deepEqual(await nextSaid(stream), ['= done']);
    const onGet = await listenAt(two, session);
    assert.deepEqual(await nextSaid(onGet, 3), ['a', 'b', 'c']);
    await onGet.cancel();
    // They were sent; the next stream does not begin with them again.
    const next = await listenAt(three, session);
    two.tell({ log: 'd', session: session.id });
    assert.deepEqual(await nextSaid(next), ['d']);
    await next.cancel();
  });

  await t.test('resumes its GET stream on another node after the last event that the client has', async () => {
    const session = await cluster.open();
    const stream = await listenAt(one, session);
    const texts = ['a', 'b', 'c'];
    for (const log of texts) two.tell({ log, session: session.id });
    let event = await stream.next();
    while (!event.message) event = await stream.next();
    assert.deepEqual(await nextSaid(stream, 2), ['b', 'c']);
    const resumed = await listenAt(three, session, event.id);
    assert.deepEqual(await nextSaid(resumed, 2), ['b', 'c']);
    // The one before is over, on its node.
    assert.deepEqual(await readRest(stream), []);
    await resumed.cancel();
  });

  await t.test('ends everywhere on DELETE, once', async () => {
    const session = await cluster.open();
    const onGet = await listenAt(three, session);
    const { name, stream } = await speakOn(one, session);
    assert.equal((await on(two, session).delete()).status, 204);
    await one.told({ cancelled: name });
    assert.deepEqual(await readRest(stream), ['! -32000']);
    assert.deepEqual(await readRest(onGet), []);
    for (const node of cluster.nodes) {
      const response = await on(node, session).post(rpc('ping'));
      assert.equal(response.status, 404);
      assert.equal((await answerOf(response)).error?.code, -32001);
    }
    await two.told({ ended: session.id, reason: 'deleted' });
    const ends = cluster.nodes.flatMap(({ reports }) => reports.filter((line) => 'ended' in line));
    assert.equal(ends.filter((line) => 'ended' in line && line.ended === session.id).length, 1);
  });

  await t.test('obeys on all nodes the log level that was set on one', async () => {
    const session = await cluster.open();
    // Each of them has a server already, which is to hear of it.
    for (const node of cluster.nodes) await on(node, session).call('node', {});
    const stream = await listenAt(three, session);
    await answerOf(await on(one, session).post(rpc('logging/setLevel', { level: 'error' })));
    for (const node of cluster.nodes) {
      node.tell({ log: 'too much', level: 'info', session: session.id });
      node.tell({ log: `from ${node.name}`, level: 'error', session: session.id });
      assert.deepEqual(await nextSaid(stream), [`from ${node.name}`]);
    }
    await answerOf(await on(two, session).post(rpc('logging/setLevel', { level: 'info' })));
    one.tell({ log: 'wanted', level: 'info', session: session.id });
    assert.deepEqual(await nextSaid(stream), ['wanted']);
    await stream.cancel();
  });
});
