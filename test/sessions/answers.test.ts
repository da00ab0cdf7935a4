/** Whether a call of a session is answered with JSON or with a stream, and what becomes of it when the session ends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answerOf,
  eventsIn,
  messagesIn,
  openSession,
  readStream,
  rpc,
  type LegacySession,
  type RpcAnswer,
} from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';
import { sessionApp } from '../support/session-app.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { settled } from '../support/time.ts';

const STREAM_AFTER_MS = 100;
const CALL = rpc('tools/call', { name: 'speak', arguments: {} }, 'call');

/** A session whose calls become streams when they should by default. */
async function setUp(env: Record<string, string> = {}) {
  const speaker = createSpeaker();
  const context = sessionApp(speaker.tools, env, { streamAfterMs: STREAM_AFTER_MS });
  return { ...context, speaker, session: await openSession(context.app) };
}

/** Notes whether a call has its response. */
function watched(response: Promise<Response>): { response: Promise<Response>; readonly isThere: boolean } {
  let isThere = false;
  return {
    response: response.finally(() => (isThere = true)),
    get isThere() {
      return isThere;
    },
  };
}

function callAs(session: LegacySession, accept: string): Promise<Response> {
  return session.post(CALL, { accept });
}

describe('a call', () => {
  test('is answered with one JSON body within the time, and leaves no timer and no event', async () => {
    const { session, speaker, clock, heldEvents } = await setUp();
    const { pending } = clock;
    const call = watched(speak(session, 'call'));
    const speech = await speaker.next();
    clock.advance(STREAM_AFTER_MS - 1);
    await settled();
    assert.equal(call.isThere, false);
    speech.end('done');
    const response = await call.response;
    assert.equal(response.headers.get('content-type'), 'application/json');
    assert.equal(response.headers.get('mcp-session-id'), session.id);
    assert.equal((await answerOf(response)).result?.content?.[0]?.text, '"done"');
    assert.deepEqual([clock.pending, await heldEvents()], [pending, 0]);
  });

  test('is answered with a stream that can be resumed from then on', async () => {
    const { session, speaker, clock } = await setUp();
    const response = speak(session);
    const speech = await speaker.next();
    clock.advance(STREAM_AFTER_MS);
    const stream = readStream(await response);
    const { id } = await stream.next();
    await stream.cancel();
    speech.end('done');
    await settled();
    assert.deepEqual(said(...eventsIn(await (await session.get(id)).text())), ['= done']);
  });

  test('is answered with a stream as soon as it has more to say', async () => {
    const { session, speaker } = await setUp();
    const response = speak(session);
    const speech = await speaker.next();
    await speech.say('a');
    speech.end('done');
    assert.deepEqual(said(...eventsIn(await (await response).text())), ['priming', 'a', '= done']);
  });

  test('is answered with JSON however long it takes, where the client reads nothing else', async () => {
    const { session, speaker, clock } = await setUp();
    const call = watched(callAs(session, 'application/json'));
    const speech = await speaker.next();
    clock.advance(10 * STREAM_AFTER_MS);
    await speech.say('lost');
    await settled();
    assert.equal(call.isThere, false);
    speech.end('done');
    assert.equal((await answerOf(await call.response)).result?.content?.[0]?.text, '"done"');
  });

  test('is answered with a stream however soon it ends, where the client reads nothing else', async () => {
    const { session } = await setUp();
    const response = await session.post(rpc('ping', {}, 'soon'), { accept: 'text/event-stream' });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(messagesIn(await response.text()).at(-1)?.['id'], 'soon');
  });

  test('is answered with a stream also where it is cancelled in the same batch', async () => {
    const { session } = await setUp();
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: CALL.id } };
    const headers = { accept: 'text/event-stream', 'mcp-protocol-version': '2025-03-26' };
    const response = await session.post([CALL, cancelled], headers);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.deepEqual(said(...eventsIn(await response.text())), ['! -32000']);
  });

  test('of a batch that is answered in time stays in its order on the stream that the others need', async () => {
    const { session, speaker, clock } = await setUp();
    const response = session.post([rpc('ping', {}, 'soon'), CALL], { 'mcp-protocol-version': '2025-03-26' });
    const speech = await speaker.next();
    await settled();
    clock.advance(STREAM_AFTER_MS);
    speech.end('late');
    const answers = messagesIn(await (await response).text()) as unknown as RpcAnswer[];
    assert.deepEqual(
      answers.map(({ id }) => id),
      ['soon', 'call'],
    );
  });

  test('opens its stream in order to end it, when the tool wants the client to resume', async () => {
    const { session, speaker } = await setUp();
    const response = speak(session);
    const speech = await speaker.next();
    speech.context.http?.closeSSE?.();
    const events = eventsIn(await (await response).text());
    assert.deepEqual(said(...events), ['priming']);
    speech.end('done');
    await settled();
    assert.deepEqual(said(...eventsIn(await (await session.get(events[0]?.id)).text())), ['= done']);
  });

  test('that is cancelled before it is answered gets an error as JSON', async () => {
    const { session, speaker } = await setUp();
    const response = session.post(CALL);
    await speaker.next();
    const params = { requestId: CALL.id };
    assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params })).status, 202);
    assert.equal((await answerOf(await response)).error?.code, -32000);
    assert.equal((await session.post(rpc('ping', {}, CALL.id))).status, 200, 'the id is free again');
  });

  for (const wrong of [{ reason: null }, { reason: 7 }, { requestId: null }]) {
    test(`goes on after an invalid cancellation: ${JSON.stringify(wrong)}`, async () => {
      const { session, speaker } = await setUp();
      const response = session.post(CALL);
      const speech = await speaker.next();
      const params = { requestId: CALL.id, ...wrong };
      const cancelled = await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
      assert.equal(cancelled.status, 202);
      assert.equal((await session.post(rpc('ping', {}, CALL.id))).status, 400, 'the id is in use');
      assert.equal(speech.context.mcpReq.signal.aborted, false);
      speech.end('done');
      assert.equal((await answerOf(await response)).result?.content?.[0]?.text, '"done"');
    });
  }
});

describe('a call whose session ends while it runs', () => {
  for (const accept of ['application/json', 'application/json, text/event-stream']) {
    test(`answers 404 with -32001 to a client that accepts ${accept}`, async () => {
      const { app, session, speaker, clock } = await setUp();
      const response = callAs(session, accept);
      const speech = await speaker.next();
      assert.equal((await session.delete()).status, 204);
      await assertRefused(await response, { status: 404, code: -32001, id: CALL.id });
      assert.equal(speech.context.mcpReq.signal.aborted, true);
      assert.equal(await app.drain(), 0);
      assert.equal(clock.pending, 0);
    });
  }

  test('gets an error on its stream, which ends', async () => {
    const { session, speaker, clock } = await setUp();
    const response = session.post(CALL);
    await speaker.next();
    clock.advance(STREAM_AFTER_MS);
    const stream = readStream(await response);
    await stream.next();
    await session.delete();
    await stream.ended();
    assert.deepEqual(said(...eventsIn(stream.text)), ['priming', '! -32000']);
  });
});

test('answers 503 with Retry-After to a call that is cut by a stop before it is answered', async () => {
  const { app, session, speaker } = await setUp({ MCP_DRAIN_SECONDS: '0' });
  const response = session.post(CALL);
  await speaker.next();
  assert.equal(await app.drain(), 1);
  await assertRefused(await response, { status: 503, code: -32000, id: CALL.id });
  assert.match((await response).headers.get('retry-after') ?? '', /^[1-9]/);
});
