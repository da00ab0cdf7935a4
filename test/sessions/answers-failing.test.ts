/** Answers that cannot be given as they are: none leaves a client, or a stop, waiting. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { McpServer, type ScopeChallengeHandler } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { SessionStore } from '../../src/contracts/session-store.ts';
import {
  answerOf,
  eventsIn,
  gate,
  initializeRequest,
  JSON_HEADERS,
  messagesIn,
  openSession,
  readStream,
  rpc,
  sessionOf,
  testApp,
  URL_OF_APP,
} from '../support/app.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { createSpeaker, said, speak } from '../support/speaker.ts';
import { settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

const STATELESS = { MCP_SESSIONS: 'stateless', LOG_LEVEL: 'debug' };

/** A server whose tool returns what JSON has no form for, after what `before` does. */
function unspeakable(before: (notify: () => Promise<void>) => Promise<void>) {
  const server = new McpServer({ name: 'test', version: '1' });
  server.registerTool('unspeakable', { inputSchema: z.looseObject({}) }, async (_args, { mcpReq }) => {
    const params = { progressToken: 1, progress: 1 };
    await before(() => mcpReq.notify({ method: 'notifications/progress', params }));
    return { content: [], structuredContent: { n: 1n as unknown as number } };
  });
  return server;
}

for (const [how, before] of [
  ['as JSON', async () => {}],
  ['on a stream', (notify: () => Promise<void>) => notify()],
] as const) {
  test(`answers -32603 ${how} to a call whose result JSON has no form for, and waits for nothing then`, async () => {
    const { app } = sessionApp({}, {}, { createServer: () => unspeakable(before) });
    const session = await openSession(app);
    const call = () => session.post(rpc('tools/call', { name: 'unspeakable', arguments: {} }, 'same'));
    for (let times = 0; times < 2; times += 1) assert.equal((await answerOf(await call())).error?.code, -32603);
    assert.equal(await app.drain(), 0);
  });
}

test('gives every answer of a batch whose stream opens while a result is being saved, in order', async () => {
  const saving = gate();
  const { app, clock, store } = sessionApp();
  const session = await openSession(app);
  const slow: SessionStore = { ...store, update: (id, changes) => saving.opened.then(() => store.update(id, changes)) };
  const other = sessionApp({}, {}, { sessionStore: slow, clock, streamAfterMs: 100 }).app;
  const body = [rpc('ping', {}, 'a'), rpc('logging/setLevel', { level: 'error' }, 'b')];
  const response = sessionOf(other, session.id, { 'mcp-protocol-version': '2025-03-26' }).post(body);
  await settled();
  clock.advance(100);
  const stream = await response;
  saving.open();
  assert.deepEqual(
    messagesIn(await stream.text()).map(({ id }) => id),
    ['a', 'b'],
  );
});

test('counts nothing more for a tool that closes its stream after its session was ended', async () => {
  const speaker = createSpeaker();
  const { app } = sessionApp(speaker.tools, {}, { streamAfterMs: 100 });
  const session = await openSession(app);
  const response = speak(session);
  const speech = await speaker.next();
  await session.delete();
  assert.equal((await response).status, 404);
  speech.context.http?.closeSSE?.();
  await settled();
  assert.equal(await app.drain(), 0);
});

test('keeps a stream open that a tool closes, when no event of it could be logged', async () => {
  const speaker = createSpeaker();
  const { app, eventLog } = sessionApp(speaker.tools);
  const session = await openSession(app);
  eventLog.append = () => Promise.reject(new Error('down'));
  const stream = readStream(await speak(session));
  const speech = await speaker.next();
  speech.context.http?.closeSSE?.();
  speech.end('done');
  await stream.ended();
  assert.deepEqual(said(...eventsIn(stream.text)), ['= done']);
});

describe('a tool that asks for scopes', () => {
  /** An app whose two tools ask as `handlers` say. */
  function asking(handlers: ScopeChallengeHandler[], env: Record<string, string> = {}) {
    let open = 0;
    const createServer = () => {
      const server = new McpServer({ name: 'test', version: '1' });
      open += 1;
      server.server.onclose = () => (open -= 1);
      for (const [index, scopeChallenge] of handlers.entries()) {
        const config = { inputSchema: z.looseObject({}), scopeChallenge };
        server.registerTool(`tool-${index}`, config, () => ({ content: [] }));
      }
      return server;
    };
    return { ...sessionApp({}, env, { createServer }), open: () => open };
  }
  const calls = (...indexes: number[]) =>
    indexes.map((index) => rpc('tools/call', { name: `tool-${index}`, arguments: {} }));
  const version = { 'mcp-protocol-version': '2025-03-26' };

  test('is asked one after the other in a batch: one that fails answers 500, and nothing else happens', async () => {
    const asked: number[] = [];
    const { app } = asking([
      async () => void asked.push(0),
      async () => {
        asked.push(1);
        throw new Error('no database');
      },
    ]);
    const session = await openSession(app, bearer('alice.1'));
    assert.equal((await session.post(calls(0, 1, 0), version)).status, 500);
    assert.deepEqual(asked, [0, 1]);
    assert.equal((await session.post(calls(0), version)).status, 200);
  });

  test('answers 403 with the scopes that it takes time to find out', async () => {
    const { app } = asking([async () => undefined, async () => ({ scopes: ['more'] })]);
    const session = await openSession(app, bearer('alice.1'));
    const refused = await session.post(calls(0, 1), version);
    assert.equal(refused.status, 403);
    assert.match(refused.headers.get('www-authenticate') ?? '', /scope="more"/);
  });

  test('answers 400 to the second of two calls that took the same id, and 404 if the session has ended', async () => {
    const asking1 = gate();
    const { app } = asking([() => asking1.opened.then(() => undefined)]);
    const session = await openSession(app, bearer('alice.1'));
    const same = rpc('tools/call', { name: 'tool-0', arguments: {} }, 'same');
    const ended = await openSession(app, bearer('alice.1'));
    const late = ended.post(calls(0)[0]);
    const both = [session.post(same), session.post(same)];
    await settled();
    await ended.delete();
    asking1.open();
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, 400],
    );
    assert.equal((await late).status, 404);
  });

  test('leaves no server behind when it fails without sessions', async () => {
    const { app, open } = asking([() => Promise.reject(new Error('no database'))], STATELESS);
    const headers = { ...JSON_HEADERS, ...bearer('alice.1') };
    assert.equal((await app.request('POST', { headers, body: calls(0)[0] })).status, 500);
    assert.equal(open(), 0);
  });
});

describe('without sessions', () => {
  test('a call ends when its client goes away before it is answered, also while its server is being made', async () => {
    for (const wait of [true, false]) {
      const speaker = createSpeaker();
      const making = gate();
      if (!wait) making.open();
      const scene = sessionApp(speaker.tools, STATELESS);
      const app = testApp(STATELESS, {
        clock: scene.clock,
        streamAfterMs: 100,
        createServer: async (context) => {
          await making.opened;
          return scene.servers.createServer(context);
        },
      });
      const aborting = new AbortController();
      const body = JSON.stringify(rpc('tools/call', { name: 'speak', arguments: {} }));
      const init = { method: 'POST', headers: { ...JSON_HEADERS, host: '127.0.0.1:3000' }, body };
      const response = app.fetch(new Request(URL_OF_APP, { ...init, signal: aborting.signal }));
      const speech = wait ? undefined : await speaker.next();
      aborting.abort();
      making.open();
      assert.equal((await response).status, 499);
      assert.notEqual(speech?.context.mcpReq.signal.aborted, false);
      await settled();
      assert.equal(scene.servers.open, 0);
      assert.deepEqual(linesAt('warn', app.lines), []);
      assert.equal(await app.drain(), 0);
    }
  });

  test('initialize is answered whatever version its header names, since its body does', async () => {
    const headers = { ...JSON_HEADERS, 'mcp-protocol-version': '1999-01-01' };
    const response = await testApp(STATELESS).request('POST', { headers, body: initializeRequest() });
    assert.equal(response.status, 200);
  });
});
