import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { GRACE_MS } from '../../src/streams/bounded-body.ts';
import { boundedResponse } from '../../src/streams/bounded-response.ts';
import { modernRequest, openSession, readStream, rpc, testApp } from '../support/app.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { OAUTH, testIssuer } from '../support/issuer.ts';
import { createSpeaker } from '../support/speaker.ts';
import { bearer } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

/** Less than events are kept for, so that a stream can be taken up again. */
const LIFETIME_MS = 60_000;

/** An app that asks for tokens, whose tokens last for a minute. */
async function setUp(tools: Record<string, Tool> = {}) {
  const clock = manualClock();
  const issuer = await testIssuer({ clock });
  const servers = fixture(tools);
  const app = testApp(OAUTH, { clock, streamAfterMs: 0, fetch: issuer.fetch, createServer: servers.createServer });
  const token = async () => bearer(await issuer.token({ exp: (clock.now() + LIFETIME_MS) / 1000 }));
  return { app, clock, servers, token };
}

test('ends a GET stream no later than half a minute after its token, and takes it up again with the next', async () => {
  const { app, clock, token } = await setUp();
  const headers = await token();
  const session = await openSession(app, headers);
  const response = await session.get();
  assert.equal(response.status, 200);
  const stream = readStream(response);
  const first = await stream.next();
  await pass(clock, LIFETIME_MS + GRACE_MS - 1);
  let over = false;
  const ended = stream.ended().then(() => (over = true));
  await settled();
  assert.equal(over, false);
  clock.advance(1);
  await ended;

  const again = { ...session.headers, accept: 'text/event-stream', 'last-event-id': first.id ?? '' };
  assert.equal((await app.request('GET', { headers: again })).status, 401);
  const fresh = await token();
  const resumed = await app.request('GET', { headers: { ...again, ...fresh } });
  assert.equal(resumed.status, 200);
  await resumed.body?.cancel();
});

test('ends the stream of a long call; the call goes on in its session, and its answer waits there', async () => {
  const speaker = createSpeaker();
  const { app, clock, token } = await setUp(speaker.tools);
  const session = await openSession(app, await token());
  const stream = readStream(await session.post(rpc('tools/call', { name: 'speak', arguments: {} }, 'long')));
  const { id } = await stream.next();
  const speech = await speaker.next();
  clock.advance(LIFETIME_MS + GRACE_MS);
  await stream.ended();
  speech.end('late');
  await settled();
  const fresh = await token();
  const headers = { ...session.headers, ...fresh, accept: 'text/event-stream', 'last-event-id': id ?? '' };
  const resumed = readStream(await app.request('GET', { headers }));
  assert.equal((await resumed.next()).message?.['id'], 'long');
});

for (const [what, request] of Object.entries({
  'a modern call': modernRequest('tools/call', { name: 'speak', _meta: { progressToken: 1 } }),
  'a modern listening stream': modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }),
})) {
  test(`ends the stream of ${what} with its token, and what stands behind it`, async () => {
    const speaker = createSpeaker();
    const { app, clock, token, servers } = await setUp(speaker.tools);
    const headers = { ...request.headers, ...(await token()) };
    const answered = app.request('POST', { ...request, headers });
    if (what === 'a modern call') {
      const { context } = await speaker.next();
      void context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
    }
    const stream = readStream(await answered);
    await stream.next();
    clock.advance(LIFETIME_MS + GRACE_MS);
    await stream.ended();
    await settled();
    assert.equal(servers.open, 0);
    assert.equal(await app.drain(), 0);
    assert.equal(clock.pending, 0);
  });
}

type Source = NonNullable<ConstructorParameters<typeof ReadableStream<Uint8Array>>[0]> & { type?: undefined };

const events = (source: Source) =>
  new Response(new ReadableStream(source, { highWaterMark: 0 }), {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'x-kept': 'yes' },
  });
const untilTokenExpires = (response: Response, seconds: number | undefined, clock: ManualClock) => {
  const expiresAt = seconds === undefined ? undefined : clock.now() / 1000 + seconds;
  return boundedResponse(response, { clock, expiresAt, onEnd: () => {} });
};

test('leaves alone what is not a stream, and sets no timer for a token that does not expire', async () => {
  const clock = manualClock();
  const json = Response.json({});
  assert.equal(untilTokenExpires(json, 1, clock), json);
  const endless = untilTokenExpires(events({}), undefined, clock);
  assert.equal(clock.pending, 0);
  await endless.body?.cancel();
});

test('passes a stream on as it is, and leaves no timer when it ends, fails or is left', async () => {
  const clock = manualClock();
  const wrap = (source: Source) => untilTokenExpires(events(source), 60, clock);

  const whole = wrap({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('data: 1\n\n'));
      controller.close();
    },
  });
  assert.equal(whole.headers.get('x-kept'), 'yes');
  assert.equal(clock.pending, 1);
  assert.equal(await whole.text(), 'data: 1\n\n');
  assert.equal(clock.pending, 0);

  const failing = wrap({ pull: () => Promise.reject(new Error('broken')) });
  await assert.rejects(failing.text(), /broken/);
  assert.equal(clock.pending, 0);

  let reason: unknown;
  const left = wrap({
    cancel(given) {
      reason = given;
    },
  });
  await left.body?.cancel('gone');
  assert.deepEqual([reason, clock.pending], ['gone', 0]);
});

test('does not end a stream whose token lasts for months', async () => {
  let hasEnded = false;
  const expiresAt = Date.now() / 1000 + 365 * 86_400;
  const response = boundedResponse(events({}), { clock: systemClock, expiresAt, onEnd: () => (hasEnded = true) });
  // Node.js would run a timer of that length after a millisecond.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(hasEnded, false);
  await response.body?.cancel();
});
