/** The GET stream of a session on several nodes, and what they tell it: messages, changes, levels and subscriptions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNotifier } from '../../src/tools.ts';
import { answerOf, eventsIn, modernRequest, openSession } from '../support/app.ts';
import { readStream, rpc, sessionOf, type StreamReader } from '../support/app.ts';
import { createChangingServer } from '../support/changing.ts';
import { createNodes, twoNodes } from '../support/nodes.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

test('sends what one node says on the GET stream that another has, in order, and keeps it while there is none', async () => {
  const speakers = [createSpeaker(), createSpeaker()];
  const nodes = createNodes();
  const [nodeOne, nodeTwo] = speakers.map(({ tools }) => nodes.start(tools));
  assert.ok(nodeOne && nodeTwo);
  const first = await openSession(nodeOne.app);
  const second = sessionOf(nodeTwo.app, first.id);
  const calls = [readStream(await speak(first)), readStream(await speak(second))];
  const speeches = await Promise.all(speakers.map(({ next }) => next()));
  const [here, there] = speeches;
  assert.ok(here && there);
  await here.tell('a');
  await there.tell('b');
  const stream = readStream(await second.get());
  await here.tell('c');
  await there.tell('d');
  await here.tell('e');
  await settled();
  assert.deepEqual(await heardOn(stream, 5), ['a', 'b', 'c', 'd', 'e']);
  const moved = readStream(await first.get());
  await stream.ended();
  await here.tell('f');
  await there.tell('g');
  assert.deepEqual(await heardOn(moved, 2), ['f', 'g']);
  for (const open of [moved, ...calls]) await open.cancel();
});

test('resumes the GET stream of one node on another, and misses nothing', async () => {
  const { tools, next } = createSpeaker();
  const { first, second } = await twoNodes(tools);
  const call = readStream(await speak(first));
  const speech = await next();
  const stream = readStream(await first.get());
  await speech.tell('a');
  const { id } = (await stream.next(), await stream.next());
  await speech.tell('b');
  await settled();
  // The connection breaks, and nobody has noticed. What was sent last is on its way to nobody.
  const resumed = readStream(await second.get(id));
  await speech.tell('c');
  assert.deepEqual(await heardOn(resumed, 2), ['b', 'c']);
  for (const open of [resumed, call]) await open.cancel();
});

test('obeys the log level and the subscriptions that were set on another node, on a stream that was open before', async () => {
  const notify = createNotifier();
  const nodes = createNodes();
  const options = { notify, createServer: () => createChangingServer() };
  const [one, two] = [nodes.start({}, options), nodes.start({})];
  const first = await openSession(one.app);
  const stream = readStream(await first.get());
  await stream.next();
  const second = sessionOf(two.app, first.id);
  assert.ok((await answerOf(await second.post(rpc('resources/subscribe', { uri: 'test:a' })))).result);
  assert.ok((await answerOf(await second.post(rpc('logging/setLevel', { level: 'error' })))).result);
  await settled();
  notify.resourceUpdated('test:a');
  notify.log(first.id, { level: 'info', data: 'too low' });
  notify.log(first.id, { level: 'error', data: 'high enough' });
  assert.deepEqual(await methodsOn(stream, 2), ['notifications/message', 'notifications/resources/updated']);
  await second.post(rpc('resources/unsubscribe', { uri: 'test:a' }));
  await settled();
  notify.resourceUpdated('test:a');
  await settled();
  notify.toolsChanged();
  assert.deepEqual(await methodsOn(stream, 1), ['notifications/tools/list_changed']);
  await stream.cancel();
});

test('keeps the subscriptions that were made on two nodes at the same time', async () => {
  const { nodes, first, second } = await twoNodes();
  const uris = Array.from({ length: 10 }, (_, index) => `test:${index}`);
  const subscribing = uris.map((uri, index) =>
    (index % 2 ? first : second).post(rpc('resources/subscribe', { uri })).then(answerOf),
  );
  for (const { result } of await Promise.all(subscribing)) assert.ok(result);
  assert.deepEqual((await nodes.store.get(first.id))?.subscriptions.toSorted(), uris);
  for (const uri of uris) assert.ok((await answerOf(await first.post(rpc('resources/unsubscribe', { uri })))).result);
  await second.post(rpc('ping'));
  assert.deepEqual((await nodes.store.get(first.id))?.subscriptions, []);
});

test('tells a GET stream of one node, and a stream of 2026-07-28 on another, once of what has changed anywhere', async () => {
  const nodes = createNodes();
  const notifiers = [createNotifier(), createNotifier()];
  const [one, two] = notifiers.map((notify) => nodes.start({}, { notify, createServer: () => createChangingServer() }));
  assert.ok(one && two);
  const session = await openSession(one.app);
  const stream = readStream(await session.get());
  await stream.next();
  const { headers, body } = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } });
  const modern = readStream(await two.app.request('POST', { headers, body }));
  await modern.next();
  for (const notify of notifiers) notify.toolsChanged();
  await settled();
  assert.deepEqual(await methodsOn(modern, 1), ['notifications/tools/list_changed']);
  await modern.cancel();
  notifiers[1]?.promptsChanged();
  const heard = await methodsOn(stream, 2);
  assert.deepEqual(heard, ['notifications/prompts/list_changed', 'notifications/tools/list_changed']);
  const moved = readStream(await sessionOf(two.app, session.id).get());
  await moved.next();
  notifiers[0]?.toolsChanged();
  assert.deepEqual(await methodsOn(moved, 1), ['notifications/tools/list_changed']);
  await settled();
  assert.equal(eventsIn(moved.text).length, 2, 'nothing that the other stream was told');
  await moved.cancel();
});

/** The next `count` messages on a GET stream, without priming events. */
async function nextOn(stream: StreamReader, count: number) {
  const events = [];
  while (events.length < count) {
    const event = await stream.next();
    if (event.message) events.push(event);
  }
  return events;
}

async function heardOn(stream: StreamReader, count: number): Promise<string[]> {
  return said(...(await nextOn(stream, count)));
}

async function methodsOn(stream: StreamReader, count: number): Promise<string[]> {
  return (await nextOn(stream, count)).map(({ message }) => String(message?.['method'])).toSorted();
}
