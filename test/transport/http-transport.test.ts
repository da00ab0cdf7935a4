/** The life of calls and of their streams, apart from resuming them (`resumption.test.ts`). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  answerOf,
  eventsIn,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type LegacySession,
  type StreamReader,
} from '../support/app.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { pass, settled } from '../support/time.ts';

async function setUp() {
  const speaker = createSpeaker();
  const context = sessionApp(speaker.tools);
  return { ...context, speaker, session: await openSession(context.app) };
}

async function readAll(session: LegacySession, lastEventId: string | undefined): Promise<string[]> {
  return said(...eventsIn(await (await session.get(lastEventId)).text()));
}

function cancel(session: LegacySession, requestId: string | number): Promise<Response> {
  return session.post({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId, reason: 'changed my mind' },
  });
}

describe('a client that goes away during its call', () => {
  test('does not cancel it, and finds its result', async () => {
    const { session, speaker } = await setUp();
    const stream = readStream(await speak(session));
    const speech = await speaker.next();
    const { id } = await stream.next();
    await stream.cancel();
    await settled();
    assert.equal(speech.context.mcpReq.signal.aborted, false);
    speech.end('done');
    await settled();
    assert.deepEqual(await readAll(session, id), ['= done']);
  });

  test('does not cancel it either by aborting the request', async () => {
    const { app, session, speaker } = await setUp();
    const aborting = new AbortController();
    const body = rpc('tools/call', { name: 'speak', arguments: {} });
    await app.request('POST', { headers: session.headers, body, signal: aborting.signal });
    const speech = await speaker.next();
    aborting.abort();
    await settled();
    assert.equal(speech.context.mcpReq.signal.aborted, false);
  });
});

describe('notifications/cancelled', () => {
  test('aborts the call and ends its stream with an error', async () => {
    const { app, session, speaker } = await setUp();
    const stream = readStream(await speak(session, 'call'));
    const speech = await speaker.next();
    await speech.say('a');
    assert.equal((await cancel(session, 'call')).status, 202);
    await stream.ended();
    assert.deepEqual(said(...eventsIn(stream.text)), ['priming', 'a', '! -32000']);
    assert.equal(speech.context.mcpReq.signal.aborted, true);
    speech.end('too late');
    await settled();
    assert.equal(await app.drain(), 0);
  });

  test('ends the call also for a client that left and resumes', async () => {
    const { session, speaker } = await setUp();
    const stream = readStream(await speak(session, 'call'));
    await speaker.next();
    const { id } = await stream.next();
    await stream.cancel();
    await cancel(session, 'call');
    await settled();
    assert.deepEqual(await readAll(session, id), ['! -32000']);
  });

  test('leaves other calls alone, and is ignored for one that is not there', async () => {
    const { session, speaker } = await setUp();
    const stream = readStream(await speak(session, 'other'));
    const speech = await speaker.next();
    assert.equal((await cancel(session, 'unknown')).status, 202);
    await speech.say('a');
    speech.end('done');
    await stream.ended();
    assert.deepEqual(said(...eventsIn(stream.text)), ['priming', 'a', '= done']);
    assert.equal((await cancel(session, 'other')).status, 202);
    assert.equal((await session.post(rpc('ping'))).status, 200);
  });
});

describe('a request whose id a running call has', () => {
  test('answers 400 with -32600, and the running call gets its answer', async () => {
    const { session, speaker } = await setUp();
    const stream = readStream(await speak(session, 'same'));
    const speech = await speaker.next();
    for (const body of [rpc('ping', {}, 'same'), [rpc('ping', {}, 'new'), rpc('ping', {}, 'same')]]) {
      const refused = await session.post(body);
      assert.equal(refused.status, 400);
      const { id, error } = await answerOf(refused);
      assert.equal(id, 'same');
      assert.equal(error?.code, -32600);
    }
    speech.end('done');
    await stream.ended();
    assert.deepEqual(said(...eventsIn(stream.text)), ['priming', '= done']);
    assert.equal((await session.post(rpc('ping', {}, 'same'))).status, 200, 'the id is free again');
  });

  test('answers 400 to all but one of those that come at the same time', async () => {
    const { app, session, speaker } = await setUp();
    const responses = await Promise.all([speak(session, 'same'), speak(session, 'same'), speak(session, 'same')]);
    assert.deepEqual(
      responses.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 400, 400],
    );
    (await speaker.next()).end('done');
    const accepted = responses.find(({ status }) => status === 200);
    assert.deepEqual(said(...eventsIn((await accepted?.text()) ?? '')), ['priming', '= done']);
    assert.equal(await app.drain(), 0);
  });

  test('answers 400 within one batch', async () => {
    const { session } = await setUp();
    const response = await session.post([rpc('ping', {}, 'same'), rpc('ping', {}, 'same')]);
    assert.equal(response.status, 400);
  });

  test('does not affect other sessions', async () => {
    const { app, session, speaker } = await setUp();
    await speak(session, 'same');
    await speaker.next();
    assert.equal((await (await openSession(app)).post(rpc('ping', {}, 'same'))).status, 200);
  });
});

test('a batch is answered on one stream, which ends with the last answer', async () => {
  const { session, speaker } = await setUp();
  const headers = { 'mcp-protocol-version': '2025-03-26' };
  const calls = ['one', 'two'].map((id) => rpc('tools/call', { name: 'speak', arguments: {} }, id));
  const stream = readStream(await session.post(calls, headers));
  const [one, two] = [await speaker.next(), await speaker.next()];
  two.end('second');
  assert.deepEqual(said(await stream.next()), ['= second']);
  await one.say('a');
  one.end('first');
  await stream.ended();
  assert.deepEqual(said(...eventsIn(stream.text)), ['= second', 'a', '= first']);
});

describe('an engine that fails', () => {
  const down = () => Promise.reject(new Error('no route to 10.0.0.5'));

  for (const [what, update] of [
    ['cannot be reached', down],
    ['has no record any more', async () => undefined],
  ] as const)
    test(`that ${what} gets a client -32603 for what it wanted to be remembered`, async () => {
      const { app, store } = sessionApp();
      const session = await openSession(app);
      const failing = sessionApp({}, {}, { sessionStore: { ...store, update } });
      const there = sessionOf(failing.app, session.id);
      const response = await there.post(rpc('logging/setLevel', { level: 'error' }, 'mine'));
      const { id, error } = await answerOf(response);
      assert.deepEqual([id, error?.code], ['mine', -32603]);
      assert.doesNotMatch(error?.message ?? '', /10\.0/);
      assert.equal(await failing.app.drain(), 0);
    });

  test('does not end a call whose events could not be logged, but nobody resumes across the gap', async () => {
    const { tools, next } = createSpeaker();
    const { app, eventLog } = sessionApp(tools);
    const session = await openSession(app);
    const stream = readStream(await speak(session));
    const speech = await next();
    await speech.say('a');
    const working = { ...eventLog };
    eventLog.append = down;
    await speech.say('b');
    const [primed, a, b] = [await stream.next(), await stream.next(), await stream.next()];
    assert.equal(b.id, undefined);
    for (const { id } of [primed, a]) assert.equal((await session.get(id)).status, 400);
    assert.equal((await speak(session)).status, 200);
    const getStream = readStream(await session.get());
    await speech.tell('on GET');
    assert.deepEqual(said(await getStream.next()), ['on GET']);
    Object.assign(eventLog, working);
    speech.end('done');
    const done = await stream.next();
    assert.deepEqual(said(primed, a, b, done), ['priming', 'a', 'b', '= done']);
    for (const { id } of [primed, a]) assert.equal((await session.get(id)).status, 400);
    assert.equal((await session.get(done.id)).status, 200);
  });
});

describe('comments that keep streams open', () => {
  test('come at once on streams of clients that read no event without data', async () => {
    const { tools } = createSpeaker();
    const { app } = sessionApp(tools);
    const version = '2025-06-18';
    const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest({}, version) });
    const session = sessionOf(app, opened.headers.get('mcp-session-id') ?? '', { 'mcp-protocol-version': version });
    for (const stream of [readStream(await session.get()), readStream(await speak(session))]) {
      void stream.ended();
      await settled();
      assert.match(stream.text, /^: /);
    }
  });

  const comments = ({ text }: StreamReader) => [...text.matchAll(/^:.*\n\n/gm)].length;

  for (const [seconds, expected] of [
    ['20', [0, 1, 2]],
    ['0', [0, 0, 0]],
  ] as const) {
    test(`come every ${seconds} seconds as MCP_KEEP_ALIVE_SECONDS says, 0 being never`, async () => {
      const { tools } = createSpeaker();
      const { app, clock } = sessionApp(tools, { MCP_KEEP_ALIVE_SECONDS: seconds });
      const session = await openSession(app);
      const commentsOn = async (responses: Response[], atOnce: number) => {
        const streams = responses.map(readStream);
        for (const stream of streams) void stream.ended();
        for (const [index, milliseconds] of [19_999, 1, 20_000].entries()) {
          clock.advance(milliseconds);
          await settled();
          for (const stream of streams) assert.equal(comments(stream) - atOnce, expected[index]);
        }
        return streams.map(({ text }) => eventsIn(text)[0]?.id);
      };
      const ids = await commentsOn([await session.get(), await speak(session)], 0);
      // Resumed with nothing missed, they send a comment at once, lest a proxy hold the headers back.
      await commentsOn(await Promise.all(ids.map((id) => session.get(id))), 1);
    });
  }
});

describe('a call that runs for MCP_CALL_TIMEOUT_SECONDS', () => {
  const TIMEOUT = { MCP_CALL_TIMEOUT_SECONDS: '60' };
  const ways: Record<string, Record<string, string>> = {
    'on a stream': {},
    'as JSON': { accept: 'application/json' },
  };
  for (const [way, accept] of Object.entries(ways)) {
    test(`is cancelled, and answered ${way} with the setting's name`, async () => {
      const speaker = createSpeaker();
      const { app, clock } = sessionApp(speaker.tools, TIMEOUT, { streamAfterMs: 100 });
      const session = sessionOf(app, (await openSession(app)).id, accept);
      const response = speak(session);
      const { context } = await speaker.next();
      await pass(clock, 59_000);
      assert.equal(context.mcpReq.signal.aborted, false);
      await pass(clock, 2_000);
      assert.equal(context.mcpReq.signal.aborted, true);
      assert.match(await (await response).text(), /"error":\{"code":-32000,"message":"[^"]*MCP_CALL_TIMEOUT_SECONDS/);
      assert.equal((await session.post(rpc('ping'))).status, 200);
    });
  }

  for (const [way, accept] of Object.entries(ways)) {
    test(`goes on as long as it reports progress, and is answered ${way}`, async () => {
      const speaker = createSpeaker();
      const { app, clock } = sessionApp(speaker.tools, TIMEOUT);
      const session = sessionOf(app, (await openSession(app)).id, accept);
      const response = speak(session);
      const { context, end } = await speaker.next();
      for (let step = 1; step <= 5; step += 1) {
        await pass(clock, 50_000);
        await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 1, progress: step } });
      }
      end('done');
      assert.match(await (await response).text(), /"result":.*done/);
    });
  }

  test('runs for any time if that is 0', async () => {
    const speaker = createSpeaker();
    const { app, clock } = sessionApp(speaker.tools, { MCP_CALL_TIMEOUT_SECONDS: '0' });
    const stream = readStream(await speak(await openSession(app)));
    void stream.ended();
    const { context } = await speaker.next();
    await pass(clock, 4_000_000, 10_000);
    assert.equal(context.mcpReq.signal.aborted, false);
  });
});

test('answers 429 with Retry-After to more running calls than MCP_MAX_CALLS_PER_SESSION, and to no other session', async () => {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools, { MCP_MAX_CALLS_PER_SESSION: '2' });
  const [session, other] = [await openSession(app), await openSession(app)];
  const calls = [speak(session), speak(session)];
  const first = await speaker.next();
  const refused = await session.post(rpc('ping'));
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '10']);
  assert.equal((await session.post([rpc('ping'), rpc('ping'), rpc('ping')])).status, 429);
  assert.equal((await other.post(rpc('ping'))).status, 200);
  assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: {} })).status, 202);
  first.end('done');
  await settled();
  assert.equal((await session.post(rpc('ping'))).status, 200);
  await Promise.all(calls);
});

test('answers 429 to more running calls than MCP_MAX_CALLS_PER_PRINCIPAL, whatever the session and the era', async () => {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools, { MCP_MAX_CALLS_PER_PRINCIPAL: '3' });
  const [session, second] = [await openSession(app, bearer('anna.1')), await openSession(app, bearer('anna.2'))];
  const other = await openSession(app, bearer('ben.1'));
  const modern = () => {
    const { headers, body } = modernRequest('tools/call', { name: 'speak', arguments: {} });
    return app.request('POST', { headers: { ...headers, ...bearer('anna.3') }, body });
  };
  const calls = [speak(session), speak(second), modern()];
  const speeches = [await speaker.next(), await speaker.next(), await speaker.next()];
  // Those of sessions are streams by now, and have been left: they go on.
  for (const call of calls.slice(0, 2)) await (await call)?.body?.cancel();
  const refused = await session.post(rpc('ping'));
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '10']);
  assert.match((await answerOf(refused)).error?.message ?? '', /MCP_MAX_CALLS_PER_PRINCIPAL/);
  assert.equal((await second.post(rpc('ping'))).status, 429);
  assert.equal((await modern()).status, 429);
  assert.equal((await other.post(rpc('ping'))).status, 200);
  assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: {} })).status, 202);
  speeches[0]?.end('done');
  await settled();
  assert.equal((await second.post(rpc('ping'))).status, 200);
  assert.equal((await second.post([rpc('ping'), rpc('ping')])).status, 429);
  for (const { end } of speeches) end('done');
  await calls[2];
});

test('does not count the calls of unauthenticated callers together', async () => {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools, { MCP_MAX_CALLS_PER_PRINCIPAL: '1' });
  const session = await openSession(app);
  const call = speak(session);
  const speech = await speaker.next();
  assert.equal((await session.post(rpc('ping'))).status, 200);
  speech.end('done');
  await call;
});

test('cancels the call of a client that reads only JSON and has left before its server was built', async () => {
  const speaker = createSpeaker();
  const { app, another } = sessionApp(speaker.tools);
  const session = await openSession(app);
  const leaving = new AbortController();
  const body = rpc('tools/call', { name: 'speak', arguments: {} });
  const headers = { ...session.headers, accept: 'application/json' };
  const call = another().request('POST', { headers, body, signal: leaving.signal });
  leaving.abort();
  const { context } = await speaker.next();
  await settled();
  assert.equal(context.mcpReq.signal.aborted, true);
  await call;
});

test('cancels the call of a client that reads only JSON and leaves, since it cannot resume', async () => {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools);
  const session = await openSession(app);
  const leaving = new AbortController();
  const body = rpc('tools/call', { name: 'speak', arguments: {} });
  const headers = { ...session.headers, accept: 'application/json' };
  const call = app.request('POST', { headers, body, signal: leaving.signal });
  const { context } = await speaker.next();
  leaving.abort();
  await settled();
  assert.equal(context.mcpReq.signal.aborted, true);
  await call;
});
