/**
 * A server as a new user would write it, in every way that it can be hosted: nothing that it keeps or tells is lost.
 *
 * The ways differ in what is between two requests: a server object that stays, one that is rebuilt, or none.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { nextTurn, type CreateServer } from '../src/tools.ts';
import { createMcpServer } from './fixtures/notes.ts';
import { answerOf, modernRequest, openSession, readStream, rpc, type LegacySession } from './support/app.ts';
import { CLIENTS, connect, connectHttp, connectStdio, type TestClient } from './support/clients.ts';
import { startListening } from './support/listening.ts';
import { bearer, sessionApp } from './support/session-app.ts';
import { stdioPipe } from './support/stdio-pipe.ts';
import { pass, settled } from './support/time.ts';

const NOTES_URI = 'notes://all';
const UPDATED = 'notifications/resources/updated';
const TOOLS_CHANGED = 'notifications/tools/list_changed';
/** Longer than a server without traffic used to stay. */
const QUIET_MS = 85_000;

const TOKEN = 'n'.repeat(32);
const withToken: FetchLike = (url, init) => {
  const headers = new Headers(init?.headers);
  headers.set('authorization', `Bearer ${TOKEN}`);
  return fetch(url, { ...init, headers });
};
/** The user, who does not want to part with the second note. */
const elicit = (message: string) => ({ action: 'accept' as const, content: { sure: message !== 'Remove note 2?' } });

const SWITCHES: Record<string, Record<string, string>> = {
  '': {},
  ', with the development switch': { MCP_MAX_LIVE_SESSIONS: '0' },
};

for (const { kind, era } of CLIENTS) {
  for (const [suffix, env] of Object.entries(SWITCHES)) {
    test(`a ${kind} client has its notes over HTTP${suffix}`, async (t) => {
      const settings = { MCP_AUTH_TOKENS: `ada:${TOKEN}`, ...env };
      const { url } = await startListening(t, settings, { createServer: createMcpServer });
      const client = await connectHttp(t, kind, url, { elicit, fetch: withToken });
      assert.equal(client.era, era);
      await useNotes(client);
    });
  }

  test(`a ${kind} client has its notes over stdio`, async (t) => {
    await useNotes(await connect(t, kind, stdioPipe(t, createMcpServer), { elicit }));
  });
}

test('the command serves the notes over stdio', async (t) => {
  const args = ['--import', './loader.mjs', 'src/node/cli.ts', 'test/fixtures/notes.ts', '--stdio'];
  await useNotes(await connectStdio(t, 'v2 legacy', { command: process.execPath, args }, { elicit }));
});

/** Does everything that there is to do with notes. */
async function useNotes(client: TestClient): Promise<void> {
  const call = async (tool: string, args = {}) =>
    (await client.call(tool, args, { logLevel: 'info' })).content[0]?.text;
  const tools = async () => (await client.listTools()).tools.map(({ name }) => name).toSorted();
  const withoutNotes = ['add-note', 'list-notes', 'remove-note'];
  assert.deepEqual(await tools(), withoutNotes);
  assert.deepEqual(await client.resources(), [NOTES_URI]);
  await client.follow(NOTES_URI);

  assert.equal(await call('add-note', { text: 'milk' }), 'Added as number 1.');
  await client.heard.next('notifications/message', { level: 'info', data: 'Notes: 1' });
  await client.heard.next(UPDATED, { uri: NOTES_URI });
  await client.heard.next(TOOLS_CHANGED);
  assert.deepEqual(await tools(), ['add-note', 'export-notes', 'list-notes', 'remove-note']);
  assert.equal(await call('add-note', { text: 'tea' }), 'Added as number 2.');
  await client.heard.next(UPDATED, { uri: NOTES_URI });

  assert.equal(await call('list-notes'), '1. milk\n2. tea');
  assert.equal(await call('export-notes'), '- milk\n- tea');
  assert.equal(await client.read(NOTES_URI), 'milk\ntea');
  assert.match(await client.prompt('summarize'), /milk\ntea/);

  assert.equal(await call('remove-note', { number: 2 }), 'Nothing removed.');
  assert.equal(await call('remove-note', { number: 1 }), 'Removed note 1.');
  await client.heard.next(UPDATED, { uri: NOTES_URI });
  assert.equal(await call('list-notes'), '1. tea');
  assert.equal(await call('remove-note', { number: 1 }), 'Removed note 1.');
  await client.heard.next(TOOLS_CHANGED);
  assert.deepEqual(await tools(), withoutNotes);
}

for (const [suffix, env] of Object.entries(SWITCHES)) {
  describe(`in a session of 2025${suffix}`, () => {
    const isSwitched = suffix !== '';

    test('notes, and the tool that appeared later, are there after 85 s without traffic', async () => {
      let built = 0;
      const createServer: CreateServer = (context) => {
        built += 1;
        return createMcpServer(context);
      };
      const { app, clock } = sessionApp({}, env, { createServer });
      const session = await openSession(app);
      await session.call('add-note', { text: 'milk' });
      await pass(clock, QUIET_MS);
      assert.equal(await textOf(session, 'list-notes'), '1. milk');
      await nextTurn();
      assert.equal(await textOf(session, 'export-notes'), '- milk');
      await nextTurn();
      assert.ok((await toolsOf(session)).includes('export-notes'));
      // For what came before, and for each of the three requests after.
      if (isSwitched) assert.ok(built >= 4, `built ${built} servers`);
      else assert.equal(built, 1);
    });

    for (const how of ['a new stream', 'Last-Event-ID'] as const) {
      test(`an update while the GET stream was broken is heard once on ${how}`, async () => {
        const { app, clock } = sessionApp({}, env, { createServer: createMcpServer });
        const session = await openSession(app);
        // Neither the server nor this test has a handler for it.
        assert.deepEqual(await subscribe(session), {});
        const broken = await openGet(session);
        await session.call('add-note', { text: 'milk' });
        const lastId = (await broken.next(UPDATED)).id;
        await broken.cancel();

        await pass(clock, QUIET_MS);
        await session.call('add-note', { text: 'tea' });
        await pass(clock, QUIET_MS);
        const back = await openGet(session, how === 'Last-Event-ID' ? lastId : undefined);
        await back.next(UPDATED);
        await session.call('add-note', { text: 'sugar' });
        await back.next(UPDATED);
        await settled();
        await back.cancel();
        assert.equal(updatesIn(back.text), 2);
      });
    }

    test('an update is heard by the sessions that have subscribed, until they unsubscribe', async () => {
      const { app } = sessionApp({}, env, { createServer: createMcpServer });
      const [follower, other] = [await openSession(app), await openSession(app)];
      await subscribe(follower);
      const [heard, heardByOther] = [await openGet(follower), await openGet(other)];
      await follower.call('add-note', { text: 'milk' });
      await heard.next(UPDATED);
      const unsubscribe = rpc('resources/unsubscribe', { uri: NOTES_URI });
      assert.deepEqual((await answerOf(await follower.post(unsubscribe))).result, {});
      await subscribe(other);
      await follower.call('add-note', { text: 'tea' });
      await heardByOther.next(UPDATED);
      await settled();
      await Promise.all([heard.cancel(), heardByOther.cancel()]);
      assert.deepEqual([updatesIn(heard.text), updatesIn(heardByOther.text)], [1, 1]);
    });
  });
}

describe('in 2026-07-28', () => {
  const callAs = async (
    app: ReturnType<typeof sessionApp>['app'],
    token: string | undefined,
    name: string,
    args = {},
  ) => {
    const headers = token === undefined ? {} : bearer(token);
    const { result } = await answerOf(
      await app.request('POST', modernRequest('tools/call', { name, arguments: args }, { headers })),
    );
    return result?.content?.[0]?.text;
  };

  test('a caller has the same notes, and the tool that appeared later, 85 s later, and nobody else has', async () => {
    const { app, clock } = sessionApp({}, {}, { createServer: createMcpServer });
    await callAs(app, 'alice', 'add-note', { text: 'milk' });
    await pass(clock, QUIET_MS);
    assert.equal(await callAs(app, 'alice.2', 'list-notes'), '1. milk');
    assert.equal(await callAs(app, 'alice', 'export-notes'), '- milk');
    assert.equal(await callAs(app, 'bob', 'list-notes'), 'There are no notes.');
  });

  test('a caller that is unauthenticated is told that there is nobody to keep notes for', async () => {
    const { app } = sessionApp({}, {}, { createServer: createMcpServer });
    assert.match((await callAs(app, undefined, 'add-note', { text: 'milk' })) ?? '', /There is no caller/);
  });
});

async function textOf(session: LegacySession, tool: string): Promise<string | undefined> {
  return (await session.call(tool, {})).result?.content?.[0]?.text;
}

async function toolsOf(session: LegacySession): Promise<string[]> {
  const { result } = await answerOf(await session.post(rpc('tools/list')));
  return ((result?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
}

async function subscribe(session: LegacySession): Promise<unknown> {
  return (await answerOf(await session.post(rpc('resources/subscribe', { uri: NOTES_URI })))).result;
}

/** The GET stream of a session as clients have it: when it ends, they open it again. */
async function openGet(session: LegacySession, lastEventId?: string) {
  const open = async () => {
    const response = await session.get(lastEventId);
    assert.equal(response.status, 200);
    return readStream(response);
  };
  let stream = await open();
  let before = '';
  return {
    /** All that was received. */
    get text() {
      return before + stream.text;
    },
    /** Waits for the next notification of a method. */
    async next(method: string) {
      for (;;) {
        const event = await stream.next().catch(() => undefined);
        if (event?.message?.['method'] === method) return event;
        lastEventId = event?.id ?? lastEventId;
        if (event) continue;
        before += stream.text;
        stream = await open();
      }
    },
    cancel: () => stream.cancel(),
  };
}

function updatesIn(text: string): number {
  return text.split(UPDATED).length - 1;
}
