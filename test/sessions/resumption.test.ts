import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answerOf,
  eventsIn,
  initializeRequest,
  JSON_HEADERS,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type StreamReader,
} from '../support/app.ts';
import { openGetStream, readAll, resume, setUp, startCall, type Scene } from '../support/resuming.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { said, speak, type Speech } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

const LOG_AGE_MS = 5 * 60_000;

describe('the first event of a stream', () => {
  test('has an id to resume from, a time to wait before that, and no data', async () => {
    const scene = await setUp();
    for (const { primed } of [await startCall(scene), await openGetStream(scene)]) {
      assert.equal(primed.message, undefined);
      assert.notEqual(primed.id ?? '', '');
      assert.ok((primed.retry ?? 0) > 0);
    }
  });

  test('is a message for clients of earlier revisions, which take events without data for errors', async () => {
    const { app, speaker } = await setUp();
    const version = '2025-06-18';
    const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest({}, version) });
    const session = sessionOf(app, opened.headers.get('mcp-session-id') ?? '', { 'mcp-protocol-version': version });
    const [call, getStream] = [readStream(await speak(session)), readStream(await session.get())];
    const speech = await speaker.next();
    assert.equal(speech.context.http?.closeSSE, undefined, 'what closes a stream needs an id to resume from');
    await speech.tell('on GET');
    speech.end('done');
    assert.deepEqual(said(await getStream.next(), await call.next()), ['on GET', '= done']);
  });

  test('comes with headers that keep proxies from holding it back', async () => {
    const { session } = await setUp();
    const getStream = await session.get();
    const { id } = await readStream(getStream).next();
    for (const response of [getStream, await speak(session), await session.get(id)]) {
      assert.equal(response.headers.get('content-type'), 'text/event-stream');
      assert.equal(response.headers.get('x-accel-buffering'), 'no');
      assert.match(response.headers.get('cache-control') ?? '', /no-cache/);
    }
  });
});

describe('Last-Event-ID', () => {
  test('replays what was missed of the stream of a call, goes on live, and ends with the result', async () => {
    const scene = await setUp();
    const getStream = await openGetStream(scene);
    const [one, other] = [await startCall(scene), await startCall(scene)];
    await one.speech.say('a');
    const { id } = await one.stream.next();
    await one.stream.cancel();
    await one.speech.say('b');
    await other.speech.say('of another call');
    await one.speech.tell('of the GET stream');
    await one.speech.say('c');
    const resumed = await resume(scene.session, id);
    assert.deepEqual(said(await resumed.next(), await resumed.next()), ['b', 'c']);
    await one.speech.say('d');
    await other.speech.say('of another call');
    one.speech.end('done');
    assert.deepEqual(await readAll(resumed), ['b', 'c', 'd', '= done']);
    assert.deepEqual(said(await getStream.stream.next()), ['of the GET stream']);
    assert.deepEqual(said(await other.stream.next()), ['of another call']);
  });

  test('replays what was missed of the GET stream, goes on live, and stays open', async () => {
    const scene = await setUp();
    const { speech } = await startCall(scene);
    const { stream, primed } = await openGetStream(scene);
    await stream.cancel();
    await speech.tell('a');
    await speech.say('not of this stream');
    await speech.tell('b');
    const resumed = await resume(scene.session, primed.id);
    await speech.tell('c');
    assert.deepEqual(said(await resumed.next(), await resumed.next(), await resumed.next()), ['a', 'b', 'c']);
    speech.end('done');
    await settled();
    await speech.tell('d');
    assert.deepEqual(said(await resumed.next()), ['d']);
  });

  test('replays messages only, not how later connections of the GET stream began', async () => {
    const scene = await setUp();
    const { speech } = await startCall(scene);
    const first = await openGetStream(scene);
    await first.stream.cancel();
    const second = await openGetStream(scene);
    await second.stream.cancel();
    await speech.tell('a');
    await (await resume(scene.session, second.primed.id)).cancel();
    const resumed = await resume(scene.session, first.primed.id);
    await speech.tell('b');
    assert.deepEqual(said(await resumed.next(), await resumed.next()), ['a', 'b']);
  });

  test('replays a result that was missed as a whole, also after a restart, and ends', async () => {
    const scene = await setUp();
    const { stream, speech, primed } = await startCall(scene);
    await stream.cancel();
    await speech.say('a');
    speech.end('done');
    await settled();
    await scene.app.drain();
    const session = sessionOf(scene.another(), scene.session.id);
    for (let times = 0; times < 2; times += 1) {
      assert.deepEqual(await readAll(await resume(session, primed.id)), ['a', '= done']);
    }
  });

  for (const which of ['POST', 'GET'] as const) {
    test(`takes over the stream of ${which} from a connection that seems to be open, sending nothing twice`, async () => {
      const scene = await setUp();
      const call = await startCall(scene);
      const { stream, primed } = which === 'POST' ? call : await openGetStream(scene);
      const send = which === 'POST' ? call.speech.say : call.speech.tell;
      await send('a');
      const resumed = await resume(scene.session, primed.id);
      await send('b');
      assert.deepEqual(await readAll(stream), ['priming', 'a']);
      assert.deepEqual(said(await resumed.next(), await resumed.next()), ['a', 'b']);
    });
  }

  const endured: Record<string, (scene: Scene, speech: Speech) => Promise<void>> = {
    'an hour of silence': async ({ clock }) => {
      for (let seconds = 0; seconds < 3500; seconds += 10) {
        clock.advance(10_000);
        await settled();
      }
    },
    'thousands of messages of its own': async (_scene, speech) => {
      for (let i = 0; i < 3000; i += 1) await speech.say('x');
    },
    'another call that says a lot': async (scene) => {
      const { speech } = await startCall(scene);
      for (let i = 0; i < 500; i += 1) await speech.say('x'.repeat(10_000));
    },
    'large results of other calls': async (scene) => {
      for (let i = 0; i < 3; i += 1) {
        const { stream, speech } = await startCall(scene);
        speech.end('x'.repeat(1_000_000));
        await stream.ended();
      }
    },
  };
  for (const [what, happens] of Object.entries(endured)) {
    test(`resumes a running call from its first event after ${what}`, async () => {
      const scene = await setUp();
      const { stream, speech, primed } = await startCall(scene);
      await stream.cancel();
      await happens(scene, speech);
      const resumed = await resume(scene.session, primed.id);
      speech.end('done');
      assert.equal((await readAll(resumed)).at(-1), '= done');
    });
  }

  test('replays a large result that was missed, and the last of other calls', async () => {
    const scene = await setUp();
    const [large, small] = [await startCall(scene), await startCall(scene)];
    await large.stream.cancel();
    await small.stream.cancel();
    small.speech.end('small');
    for (let i = 0; i < 2000; i += 1) await large.speech.say('progress');
    const result = 'x'.repeat(800_000);
    large.speech.end(result);
    await settled();
    assert.equal((await readAll(await resume(scene.session, large.primed.id))).at(-1), `= ${result}`);
    assert.deepEqual(await readAll(await resume(scene.session, small.primed.id)), ['= small']);
  });

  const refused: Record<string, (scene: Scene) => Promise<string | undefined>> = {
    'of another session': async ({ app }) => {
      const foreign = readStream(await (await openSession(app, bearer('alice.1'))).get());
      return (await foreign.next()).id;
    },
    'of a session that nothing was attached to for too long': async (scene) => {
      const { stream, primed } = await openGetStream(scene);
      await stream.cancel();
      scene.clock.advance(LOG_AGE_MS);
      return primed.id;
    },
    'of the GET stream after which messages were lost': async (scene) => {
      const { primed } = await openGetStream(scene);
      const { speech } = await startCall(scene);
      for (let i = 0; i < 10; i += 1) await speech.tell('x'.repeat(80_000));
      return primed.id;
    },
    'of a session’s earlier life in a log that was lost': async (scene) => {
      const { primed } = await openGetStream(scene);
      await scene.eventLog.delete(scene.session.id);
      await (await startCall(scene)).speech.say('new');
      return primed.id;
    },
    'that never was one': async () => 'x',
  };
  for (const [which, arrange] of Object.entries(refused)) {
    test(`answers 400 with -32000 to an id ${which}, and the session goes on`, async () => {
      const scene = await setUp();
      const response = await scene.session.get(await arrange(scene));
      assert.equal(response.status, 400);
      const { error } = await answerOf(response);
      assert.equal(error?.code, -32000);
      assert.match(error?.message ?? '', /Last-Event-ID/);
      assert.equal((await scene.session.post(rpc('ping'))).status, 200);
    });
  }
});

describe('a tool that closes its stream (SEP-1699)', () => {
  test('goes on, and its client resumes to get the events until then and after', async () => {
    const scene = await setUp();
    const { stream, speech } = await startCall(scene);
    let lastEventId: string | undefined;
    const heard: string[] = [];
    const poll = async (from: StreamReader) => {
      const texts = await readAll(from);
      heard.push(...texts);
      lastEventId = eventsIn(from.text).at(-1)?.id ?? lastEventId;
    };
    await speech.say('a');
    speech.context.http?.closeSSE?.();
    await poll(stream);
    await speech.say('b');
    const second = await resume(scene.session, lastEventId);
    await speech.say('c');
    speech.context.http?.closeSSE?.();
    await poll(second);
    await speech.say('d');
    speech.end('done');
    await settled();
    await poll(await resume(scene.session, lastEventId));
    assert.deepEqual(heard, ['priming', 'a', 'b', 'c', 'd', '= done']);
  });

  test('can close the GET stream as well', async () => {
    const scene = await setUp();
    const { stream, primed } = await openGetStream(scene);
    const { speech } = await startCall(scene);
    speech.context.http?.closeStandaloneSSE?.();
    assert.deepEqual(await readAll(stream), ['priming']);
    await speech.tell('a');
    assert.deepEqual(said(await (await resume(scene.session, primed.id)).next()), ['a']);
  });
});

test('a question to the user outlives the connection it was asked on', async () => {
  const { app } = sessionApp({
    ask: ({ server, context: { mcpReq } }) => {
      const requestedSchema = { type: 'object' as const, properties: {} };
      return server.server.elicitInput({ message: 'Sure?', requestedSchema }, { relatedRequestId: mcpReq.id });
    },
  });
  const session = await openSession(app, {}, { elicitation: { form: {} } });
  const stream = readStream(await session.post(rpc('tools/call', { name: 'ask', arguments: {} })));
  const { id } = await stream.next();
  await stream.cancel();
  const resumed = await resume(session, id);
  const question = await resumed.next();
  assert.equal(question.message?.['method'], 'elicitation/create');
  const answer = { jsonrpc: '2.0', id: question.message['id'], result: { action: 'accept', content: {} } };
  assert.equal((await session.post(answer)).status, 202);
  assert.match(JSON.stringify((await resumed.next()).message), /accept/);
  await resumed.ended();
});
