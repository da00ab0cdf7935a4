/** Sessions on several nodes that cannot reach their engine for a while: afterwards, nothing is missing without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventLog } from '../../src/contracts/event-log.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createNotifier } from '../../src/tools.ts';
import { eventsIn, openSession, readStream, sessionOf } from '../support/app.ts';
import { createChangingServer, subscribe, toldIn } from '../support/changing.ts';
import type { Tool } from '../support/fixture.ts';
import { createNodes } from '../support/nodes.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { pass, settled } from '../support/time.ts';

const UPKEEP_MS = 15_000;

/** Two nodes, each with an event log that the test can cut it off from, and a session that was opened on the first. */
async function setUp(tools: Record<string, Tool>) {
  const nodes = createNodes();
  const start = () => {
    const log = breakable(nodes.eventLog);
    return { ...nodes.start(tools, { eventLog: log.eventLog }), log };
  };
  const [one, two] = [start(), start()];
  const first = await openSession(one.app);
  return { nodes, one, two, first, second: sessionOf(two.app, first.id) };
}

/** A call on the first node, whose stream a client follows on the second. */
async function followedCall() {
  const { tools, next } = createSpeaker();
  const nodes = await setUp(tools);
  const stream = readStream(await speak(nodes.first));
  const { id } = await stream.next();
  return { ...nodes, id, stream, following: readStream(await nodes.second.get(id)), next };
}

/** A log whose methods reject while it is unavailable; a test may also replace them. */
function breakable(log: EventLog) {
  const state: Pick<EventLog, 'append' | 'end' | 'take'> & { isAvailable: boolean } = {
    isAvailable: true,
    append: (...event) => log.append(...event),
    end: (...stream) => log.end(...stream),
    take: (...stream) => log.take(...stream),
  };
  const check = () => {
    if (!state.isAvailable) throw new UnavailableError('The engine is unavailable');
  };
  const eventLog: EventLog = {
    ...log,
    append: async (...event) => (check(), state.append(...event)),
    end: async (...stream) => (check(), state.end(...stream)),
    after: async (...event) => (check(), log.after(...event)),
    hold: async (...stream) => (check(), log.hold(...stream)),
    take: async (...stream) => (check(), state.take(...stream)),
    touch: async (sessionId) => (check(), log.touch(sessionId)),
    delete: async (sessionId) => (check(), log.delete(sessionId)),
  };
  return Object.assign(state, { eventLog });
}

test('sends on the GET stream what could not be read when it was appended, as soon as the engine is available', async () => {
  const { tools, next } = createSpeaker();
  const { nodes, two, first, second } = await setUp(tools);
  const call = readStream(await speak(first));
  const speech = await next();
  const stream = readStream(await second.get());
  await stream.next();
  two.log.isAvailable = false;
  await speech.tell('a');
  await settled();
  two.log.isAvailable = true;
  await pass(nodes.clock, UPKEEP_MS);
  await Promise.race([stream.next(), settled()]);
  assert.deepEqual(said(...eventsIn(stream.text)), ['priming', 'a']);
  for (const one of [stream, call]) await one.cancel();
});

test('sends on the GET stream what was taken from the log although the engine did not answer', async () => {
  const { tools, next } = createSpeaker();
  const { nodes, two, first, second } = await setUp(tools);
  const call = readStream(await speak(first));
  const speech = await next();
  await speech.tell('a');
  const { take } = two.log;
  two.log.take = async (...stream) => {
    await take(...stream);
    throw new UnavailableError('The engine does not answer');
  };
  const stream = readStream(await second.get());
  await speech.tell('b');
  await settled();
  two.log.take = take;
  await pass(nodes.clock, UPKEEP_MS);
  await speech.tell('c');
  await settled();
  for (let count = 0; count < 3; count += 1) await Promise.race([stream.next(), settled()]);
  assert.deepEqual(said(...eventsIn(stream.text)), ['a', 'b', 'c']);
  for (const one of [stream, call]) await one.cancel();
});

test('ends a stream with its last answer, even if the engine was unavailable when it ended', async () => {
  const { nodes, one, second, id, stream, following, next } = await followedCall();
  one.log.end = async () => assert.fail('The engine is unavailable');
  (await next()).end('done');
  await stream.ended();
  await pass(nodes.clock, UPKEEP_MS);
  for (const late of [following, readStream(await second.get(id))]) {
    await late.ended();
    assert.deepEqual(said(...eventsIn(late.text)), ['= done']);
  }
});

test('does not keep a client of another node waiting for an answer that could not be logged', async () => {
  const { nodes, one, second, id, stream, following, next } = await followedCall();
  one.log.isAvailable = false;
  (await next()).end('done');
  await stream.ended();
  await pass(nodes.clock, UPKEEP_MS);
  one.log.isAvailable = true;
  await pass(nodes.clock, 2 * UPKEEP_MS);
  await following.ended();
  assert.equal((await second.get(id)).status, 400);
});

test('refuses to resume a stream whose answer could not be logged, rather than ending it without', async () => {
  const { nodes, one, second, id, stream, following, next } = await followedCall();
  one.log.append = async () => assert.fail('The engine is unavailable');
  (await next()).end('done');
  await stream.ended();
  await pass(nodes.clock, UPKEEP_MS);
  await following.ended();
  assert.deepEqual(
    said(...eventsIn(stream.text)),
    ['priming', '= done'],
    'it is still connected to the node of the call',
  );
  assert.equal((await second.get(id)).status, 400);
});

/** A GET stream on one node, and another node that does not tell it what the client subscribes to there. */
async function setUpUnheard() {
  const notify = createNotifier();
  const createServer = () => createChangingServer();
  const nodes = createNodes();
  const { relay } = nodes.start();
  const [one, two] = [
    nodes.start({}, { createServer, notify }),
    nodes.start({}, { createServer, relay: { ...relay, send: async () => {} } }),
  ];
  const first = await openSession(one.app);
  const stream = readStream(await first.get());
  await stream.next();
  return { notify, nodes, stream, second: sessionOf(two.app, first.id) };
}

test('tells of what has changed before a node heard of the subscription, and of nothing before that', async () => {
  const { notify, nodes, stream, second } = await setUpUnheard();
  notify.resourceUpdated('test:early');
  await pass(nodes.clock, UPKEEP_MS);
  for (const uri of ['test:early', 'test:a']) await subscribe(second, uri);
  notify.resourceUpdated('test:a');
  notify.toolsChanged();
  await pass(nodes.clock, UPKEEP_MS);
  notify.promptsChanged();
  await settled();
  for (let count = 0; count < 4; count += 1) await Promise.race([stream.next(), settled()]);
  assert.deepEqual(toldIn(stream), ['tools', 'test:a', 'prompts']);
  await stream.cancel();
});

test('tells the next stream of what has changed before the node of the last one heard of the subscription', async () => {
  const { notify, stream, second } = await setUpUnheard();
  await subscribe(second, 'test:a');
  notify.resourceUpdated('test:a');
  await stream.cancel();
  await settled();
  const next = readStream(await second.get());
  for (let count = 0; count < 2; count += 1) await Promise.race([next.next(), settled()]);
  assert.deepEqual(toldIn(next), ['test:a']);
  await next.cancel();
});
