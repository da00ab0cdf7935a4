import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import { createMemoryRelay } from '../../src/memory/memory-relay.ts';
import {
  answerOf,
  eventsIn,
  gate,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  readStream,
  rpc,
  URL_OF_APP,
} from '../support/app.ts';
import { sessionApp, type SessionApp } from '../support/session-app.ts';
import { createSpeaker, said, speak, type Speaker } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

const LISTEN = { notifications: { toolsListChanged: true } };

interface Scene extends SessionApp {
  speaker: Speaker;
}

function setUp(env: Record<string, string> = {}): Scene {
  const speaker = createSpeaker();
  return { ...sessionApp(speaker.tools, env), speaker };
}

/** Starts to drain, and tells when it is done. */
function startDraining({ app }: SessionApp): { done: Promise<number>; readonly isDone: boolean } {
  let isDone = false;
  const done = app.drain().finally(() => (isDone = true));
  return {
    done,
    get isDone() {
      return isDone;
    },
  };
}

const speakModern = () => modernRequest('tools/call', { name: 'speak', arguments: {} });

test('answers 200 on /readyz until it drains, then 503, and 200 on /livez all the time', async () => {
  const { app } = setUp();
  const statuses = async () => {
    const responses = await Promise.all(['/readyz', '/livez'].map((path) => app.request('GET', { path })));
    return responses.map(({ status }) => status);
  };
  assert.deepEqual(await statuses(), [200, 200]);
  const done = app.drain();
  assert.deepEqual(await statuses(), [503, 200]);
  await done;
  assert.deepEqual(await statuses(), [503, 200]);
});

describe('while it waits for a call', () => {
  for (const [what, env, request] of [
    ['initialize', {}, { headers: JSON_HEADERS, body: initializeRequest() }],
    ['a modern call', {}, speakModern()],
    ['server/discover', {}, modernRequest('server/discover')],
    ['subscriptions/listen', {}, modernRequest('subscriptions/listen', LISTEN)],
    [
      'a legacy call without sessions',
      { MCP_SESSIONS: 'stateless' },
      { headers: JSON_HEADERS, body: rpc('tools/list') },
    ],
  ] as const) {
    test(`answers 503 with Retry-After to ${what}, and creates nothing`, async () => {
      const scene = setUp(env);
      const running = scene.app.request('POST', speakModern());
      const speech = await scene.speaker.next();
      const { created } = scene.servers;
      const draining = startDraining(scene);
      const response = await scene.app.request('POST', request);
      assert.equal(response.status, 503);
      assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      const { id, error } = await answerOf(response);
      assert.equal(id, request.body.id);
      assert.equal(error?.code, -32000);
      assert.equal(scene.servers.created, created);
      assert.equal(await scene.store.count(), 0);
      speech.end('done');
      assert.equal((await running).status, 200);
      await draining.done;
    });
  }

  test('existing sessions go on elsewhere if there are other nodes: 503 to calls and streams, but not to what running calls need', async () => {
    const speaker = createSpeaker();
    const scene = { ...sessionApp(speaker.tools, {}, { relay: { ...createMemoryRelay(), hasPeers: true } }), speaker };
    const session = await openSession(scene.app);
    const call = readStream(await speak(session));
    const speech = await speaker.next();
    const { id } = await call.next();
    const draining = startDraining(scene);

    for (const response of [await session.post(rpc('ping', {}, 'late')), await session.get(), await session.get(id)]) {
      assert.equal(response.status, 503);
      assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }
    await speech.say('still here');
    assert.deepEqual(said(await call.next()), ['still here']);
    const progress = { progressToken: 'unknown', progress: 1 };
    assert.equal(
      (await session.post({ jsonrpc: '2.0', method: 'notifications/progress', params: progress })).status,
      202,
    );
    assert.equal(draining.isDone, false);
    speech.end('done');
    assert.deepEqual(said(await call.next()), ['= done']);
    assert.equal(await draining.done, 0);
    // The record is there for the others.
    assert.equal(await scene.store.count(), 1);
  });

  test('existing sessions go on: calls, streams, resumption, and their end', async () => {
    const scene = setUp();
    const [busy, other] = [await openSession(scene.app), await openSession(scene.app)];
    const call = readStream(await speak(busy));
    const speech = await scene.speaker.next();
    const { id } = await call.next();
    await call.cancel();
    const draining = startDraining(scene);

    assert.equal((await other.post(rpc('ping'))).status, 200);
    const getStream = readStream(await other.get());
    await getStream.next();
    const resumed = readStream(await busy.get(id));
    await speech.say('still here');
    assert.deepEqual(said(await resumed.next()), ['still here']);
    assert.equal((await other.delete()).status, 204);
    await getStream.ended();
    assert.equal(draining.isDone, false);

    speech.end('done');
    assert.equal(await draining.done, 0);
    assert.deepEqual(said(await resumed.next()), ['= done']);
    await resumed.ended();
  });
});

test('running calls of both eras finish and deliver before it is done, with nothing cut off', async () => {
  const scene = setUp();
  const session = await openSession(scene.app);
  const legacy = await speak(session);
  const ofLegacy = await scene.speaker.next();
  const modern = scene.app.request('POST', speakModern());
  const ofModern = await scene.speaker.next();
  const draining = startDraining(scene);
  for (const speech of [ofLegacy, ofModern]) {
    await settled();
    assert.equal(draining.isDone, false);
    assert.equal(speech.context.mcpReq.signal.aborted, false);
    await speech.say('a');
    speech.end('done');
  }
  assert.equal(await draining.done, 0);
  // Read only now: what was sent is not lost with the streams.
  assert.deepEqual(said(...eventsIn(await legacy.text())), ['priming', 'a', '= done']);
  assert.equal((await answerOf(await modern)).result?.content?.[0]?.text, '"done"');
  assert.equal(scene.servers.open, 0);
  assert.equal(scene.clock.pending, 0, 'timers');
});

test('waits also for the call of a client that went away, and keeps its result for the next process', async () => {
  const scene = setUp();
  const session = await openSession(scene.app);
  const call = readStream(await speak(session));
  const speech = await scene.speaker.next();
  const { id = '' } = await call.next();
  await call.cancel();
  const draining = startDraining(scene);
  await settled();
  assert.equal(draining.isDone, false);
  speech.end('done');
  assert.equal(await draining.done, 0);
  const kept = await scene.eventLog.after(session.id, id);
  assert.equal(kept?.events.length, 1);
  assert.equal((await scene.store.get(session.id))?.id, session.id);
});

test('GET streams end, and listen streams with their result', async () => {
  const scene = setUp();
  const getStream = readStream(await (await openSession(scene.app)).get());
  const listening = modernRequest('subscriptions/listen', LISTEN);
  const listen = readStream(await scene.app.request('POST', listening));
  await Promise.all([getStream.next(), listen.next()]);
  assert.equal(await scene.app.drain(), 0);
  await Promise.all([getStream.ended(), listen.ended()]);
  const last = eventsIn(listen.text).at(-1)?.message;
  assert.equal(last?.['id'], listening.body.id);
  assert.ok(last['result']);
});

test('cuts off what is not done within MCP_DRAIN_SECONDS, and tells how many calls', async () => {
  const scene = setUp({ MCP_DRAIN_SECONDS: '7' });
  const session = await openSession(scene.app);
  const legacy = [readStream(await speak(session)), readStream(await speak(session))];
  const modern = scene.app.request('POST', speakModern());
  const speeches = [await scene.speaker.next(), await scene.speaker.next(), await scene.speaker.next()];
  const draining = startDraining(scene);
  scene.clock.advance(6999);
  await settled();
  assert.equal(draining.isDone, false);
  speeches[0]?.end('done');
  await settled();
  scene.clock.advance(1);
  assert.equal(await draining.done, 2);
  await Promise.all([modern, ...legacy.map((stream) => stream.ended())]);
  assert.deepEqual(
    speeches.map(({ context }) => context.mcpReq.signal.aborted),
    [false, true, true],
  );
  assert.deepEqual(said(...eventsIn(legacy[0]?.text ?? '')), ['priming', '= done']);
  assert.equal(scene.servers.open, 0);
  assert.equal(scene.clock.pending, 0, 'timers');
});

test('answers 503 once it is done, also to a request that began before', async () => {
  const scene = setUp();
  const session = await openSession(scene.app);
  let send = (_body: string) => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (text) => {
        controller.enqueue(new TextEncoder().encode(text));
        controller.close();
      };
    },
  });
  const headers = { ...session.headers, host: '127.0.0.1:3000' };
  const slow = scene.app.fetch(new Request(URL_OF_APP, { method: 'POST', headers, body, duplex: 'half' }));
  await settled();
  assert.equal(await scene.app.drain(), 0);
  for (const response of [await session.post(rpc('ping')), await session.get(), await session.delete()]) {
    assert.equal(response.status, 503);
    assert.notEqual(response.headers.get('retry-after'), null);
  }
  send(JSON.stringify(rpc('ping')));
  assert.equal((await slow).status, 503);
  assert.equal(scene.servers.open, 0);
});

test('answers 503 to requests that the store delayed until it was done, and creates nothing for them', async () => {
  const { app: other, store, clock, servers } = setUp();
  const session = await openSession(other);
  await other.drain();
  const waiting = gate();
  const slow: SessionStore = {
    ...store,
    use: (id, principal) => waiting.opened.then(() => store.use(id, principal)),
    count: (principal) => waiting.opened.then(() => store.count(principal)),
  };
  const { app } = sessionApp({}, {}, { sessionStore: slow, clock, createServer: servers.createServer });
  const headers = session.headers;
  const requests = [rpc('ping'), initializeRequest()].map((body) => app.request('POST', { headers, body }));
  await settled();
  const done = app.drain();
  clock.advance(60_000);
  await done;
  waiting.open();
  for (const response of await Promise.all(requests)) assert.equal(response.status, 503);
  assert.equal(servers.open, 0);
  assert.equal(await store.count(), 1);
});
