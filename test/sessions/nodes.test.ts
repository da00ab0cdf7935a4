/** Sessions on several nodes: what a client sends to one reaches the server on another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Relay } from '../../src/contracts/relay.ts';
import type { CreateServer } from '../../src/tools.ts';
import { eventsIn, openSession, readStream, rpc, sessionOf } from '../support/app.ts';
import { createChangingServer } from '../support/changing.ts';
import type { Tool } from '../support/fixture.ts';
import { createNodes, twoNodes, type Node } from '../support/nodes.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { pass, settled } from '../support/time.ts';

const requestedSchema = { type: 'object' as const, properties: {} };
const CALL = 'mine';

/** Asks the user, and says what the client reports on the way. */
const ask: Tool = async ({ server, context: { mcpReq } }) => {
  const progress: number[] = [];
  const options = {
    relatedRequestId: mcpReq.id,
    onprogress: (report: { progress: number }) => void progress.push(report.progress),
  };
  const { action } = await server.server.elicitInput({ message: 'Sure?', requestedSchema }, options);
  return `${action} after ${progress.join()}`;
};

test('passes the answer to a question, and what the client reports before it, to the node that asked', async () => {
  const { first, second } = await twoNodes({ ask });
  await second.call('unknown', {});
  const stream = readStream(await first.post(rpc('tools/call', { name: 'ask', arguments: {} }, CALL)));
  await stream.next();
  const { message } = await stream.next();
  const { id, params } = message as { id: string; params: { _meta: { progressToken: string } } };
  const { progressToken } = params._meta;
  const report = { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } };
  assert.equal((await second.post(report)).status, 202);
  assert.equal((await second.post({ jsonrpc: '2.0', id, result: { action: 'decline' } })).status, 202);
  await stream.ended();
  assert.deepEqual(said(...eventsIn(stream.text).slice(-1)), ['= decline after 1']);
});

test('begins with the handshake when a session is activated, whatever another node says at that moment', async () => {
  const nodes = createNodes();
  const first = await openSession(nodes.start().app);
  await first.post(rpc('logging/setLevel', { level: 'error' }));
  const { relay } = nodes.start();
  const join: Relay['join'] = async (id, listener) => {
    listener({ kind: 'changed' });
    await settled();
    return relay.join(id, listener);
  };
  const { app } = nodes.start({}, { relay: { ...relay, join } });
  const answered = sessionOf(app, first.id).post(rpc('ping'));
  assert.equal((await Promise.race([answered, settled().then(settled)]))?.status, 200);
});

test('does not take an answer for that to the same question of another node', async () => {
  const { first, second } = await twoNodes({ ask });
  const streams = [first, second].map(async (session, index) =>
    readStream(await session.post(rpc('tools/call', { name: 'ask', arguments: {} }, `call ${index}`))),
  );
  const [one, two] = await Promise.all(streams);
  assert.ok(one && two);
  for (const stream of [one, two]) await stream.next();
  const { id } = (await one.next()).message as { id: string };
  await second.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });
  await one.ended();
  assert.match(one.text, /accept/);
  assert.doesNotMatch(two.text, /accept/);
  await first.delete();
  await two.ended();
});

test('cancels a call on the node that runs it', async () => {
  const { tools, next } = createSpeaker();
  const { first, second } = await twoNodes(tools);
  const stream = readStream(await speak(first, CALL));
  const speech = await next();
  await second.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: CALL } });
  await stream.ended();
  assert.ok(speech.context.mcpReq.signal.aborted);
});

test('tells all nodes that the roots of the client have changed', async () => {
  const nodes = createNodes();
  const heard: number[] = [];
  const start = (number: number) =>
    nodes.start({}, { createServer: (context) => listening(context, () => heard.push(number)) });
  const [one, two] = [start(1), start(2)];
  const session = await openSession(one.app, {}, { roots: { listChanged: true } });
  const there = sessionOf(two.app, session.id);
  await there.post(rpc('ping'));
  await there.post({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' });
  await settled();
  assert.deepEqual(new Set(heard), new Set([1, 2]));
  assert.equal(heard.length, 2);
});

test('resumes on one node a call that runs on another, and follows it to its end', async () => {
  const { tools, next } = createSpeaker();
  const { first, second } = await twoNodes(tools);
  const stream = readStream(await speak(first));
  const { id } = await stream.next();
  const speech = await next();
  await speech.say('a');
  await stream.cancel();
  await speech.say('b');
  const resumed = readStream(await second.get(id));
  assert.deepEqual(said(await resumed.next(), await resumed.next()), ['a', 'b']);
  await speech.say('c');
  assert.deepEqual(said(await resumed.next()), ['c']);
  speech.end('d');
  assert.deepEqual(said(await resumed.next()), ['= d']);
  await resumed.ended();
});

test('ends the connection that a call was resumed on before, when its client resumes it once more', async () => {
  const { tools, next } = createSpeaker();
  const { first, second } = await twoNodes(tools);
  const stream = readStream(await speak(first));
  const { id } = await stream.next();
  const speech = await next();
  await stream.cancel();
  const lost = readStream(await second.get(id));
  const resumed = readStream(await second.get(id));
  await lost.ended();
  await speech.say('a');
  speech.end('b');
  await resumed.ended();
  assert.deepEqual(said(...eventsIn(resumed.text)), ['a', '= b']);
  assert.deepEqual(said(...eventsIn(lost.text)), []);
});

test('answers what a dead node owes with an error, to whoever resumes it before or after, and refuses what it says later', async () => {
  const { tools, next } = createSpeaker();
  const { nodes, one, two, first, second } = await twoNodes(tools);
  const stream = readStream(await speak(first));
  const { id } = await stream.next();
  const speech = await next();
  const before = readStream(await second.get(id));
  nodes.kill(one);
  await pass(nodes.clock, 15_000);
  await before.ended();
  assert.deepEqual(said(...eventsIn(before.text)), ['! -32000']);
  await speech.say('late');
  speech.end('too late');
  await stream.ended();
  assert.deepEqual(said(...eventsIn(stream.text)), ['priming'], 'the node is told to be silent');
  for (const session of [second, sessionOf(nodes.start().app, first.id)]) {
    const after = readStream(await session.get(id));
    await after.ended();
    assert.deepEqual(said(...eventsIn(after.text)), ['! -32000']);
  }
  assert.equal(await two.app.drain(), 0);
});

test('answers the calls that a stopping node cuts off, wherever they are resumed', async () => {
  const { tools, next } = createSpeaker();
  const { one, first, second } = await twoNodes(tools, { MCP_DRAIN_SECONDS: '0' });
  const stream = readStream(await speak(first));
  const { id } = await stream.next();
  await next();
  const resumed = readStream(await second.get(id));
  assert.equal(await one.app.drain(), 1);
  await Promise.all([stream.ended(), resumed.ended()]);
  assert.deepEqual(said(...eventsIn(resumed.text)), ['! -32000']);
  assert.deepEqual(said(...eventsIn(stream.text)), ['priming', '! -32000']);
});

test('ends a session on all nodes: cancels its calls, ends its streams, and answers 404', async () => {
  const { tools, next } = createSpeaker();
  const { nodes, two, first, second } = await twoNodes(tools);
  const stream = readStream(await speak(second));
  const speech = await next();
  const listening = readStream(await second.get());
  assert.equal((await first.delete()).status, 204);
  await Promise.all([stream.ended(), listening.ended()]);
  assert.ok(speech.context.mcpReq.signal.aborted);
  assert.equal((await second.post(rpc('ping'))).status, 404);
  await settled();
  assert.equal(two.open, 0);
  assert.equal(await nodes.heldEvents(), 0);
});

test('does not let another principal use, resume or end a session of another node', async () => {
  const nodes = createNodes();
  const [one, two] = [nodes.start(), nodes.start()];
  const session = await openSession(one.app, { authorization: 'Bearer alice' });
  const stolen = sessionOf(two.app, session.id, { authorization: 'Bearer bob' });
  for (const response of [await stolen.post(rpc('ping')), await stolen.get(), await stolen.delete()]) {
    assert.equal(response.status, 404);
  }
  assert.equal((await session.post(rpc('ping'))).status, 200);
});

test('brings a server that missed notifications/initialized up to date before it answers', async () => {
  const nodes = createNodes();
  let initialized = 0;
  const createServer: CreateServer = () => {
    const server = createChangingServer();
    server.server.oninitialized = () => void (initialized += 1);
    return server;
  };
  const [one, two] = [nodes.start({}, { createServer }), nodes.start({}, { createServer })];
  const alternating = alternate(one, two);
  const session = await openSession(alternating);
  assert.equal(initialized, 1, 'on the second node');
  for (let times = 0; times < 4; times += 1) await session.post(rpc('ping'));
  assert.equal(initialized, 2);
});

/** Sends requests to the nodes in turn. */
function alternate(...nodes: Node[]): Pick<Node['app'], 'request'> {
  let sent = 0;
  return {
    request: (...args) => {
      const node = nodes[sent++ % nodes.length];
      assert.ok(node);
      return node.app.request(...args);
    },
  };
}

const listening = (_context: unknown, onRoots: () => void) => {
  const server = createChangingServer();
  server.server.setNotificationHandler('notifications/roots/list_changed', () => onRoots());
  return server;
};
