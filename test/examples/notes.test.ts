/**
 * `examples/notes.ts` where somebody's notes are kept, and over time: nothing that it keeps or tells is lost.
 *
 * The ways differ in what is between two requests: a server object that stays, one that is rebuilt, or none.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { createMcpServer } from '../../examples/notes.ts';
import { nextTurn, type CreateServer } from '../../src/tools.ts';
import { answerOf, modernRequest, openSession, readStream, rpc, type LegacySession } from '../support/app.ts';
import { CLIENTS, connectHttp } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';
import { useNotes } from './use-notes.ts';
import { fillInForm } from './uses.ts';

const UPDATED = 'notifications/resources/updated';
/** Longer than a server without traffic used to stay. */
const QUIET_MS = 85_000;

const TOKEN = 'n'.repeat(32);
const withToken: FetchLike = (url, init) => {
  const headers = new Headers(init?.headers);
  headers.set('authorization', `Bearer ${TOKEN}`);
  return fetch(url, { ...init, headers });
};

const SWITCHES: Record<string, Record<string, string>> = {
  '': {},
  ', with the development switch': { MCP_MAX_LIVE_SESSIONS: '0' },
};

for (const { kind, era } of CLIENTS) {
  for (const [suffix, env] of Object.entries(SWITCHES)) {
    test(`a ${kind} client has its notes over HTTP${suffix}`, async (t) => {
      const settings = { MCP_AUTH_TOKENS: `ada:${TOKEN}`, ...env };
      const { url } = await startListening(t, settings, { createServer: createMcpServer });
      const client = await connectHttp(t, kind, url, { elicit: fillInForm, fetch: withToken });
      assert.equal(client.era, era);
      await useNotes(client);
    });
  }
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

    test('an update is heard by the session whose notes they are, until it unsubscribes', async () => {
      const { app } = sessionApp({}, env, { createServer: createMcpServer });
      const [follower, other] = [await openSession(app), await openSession(app)];
      await Promise.all([subscribe(follower), subscribe(other)]);
      const [heard, heardByOther] = [await openGet(follower), await openGet(other)];
      await follower.call('add-note', { text: 'milk' });
      await heard.next(UPDATED);
      const unsubscribe = rpc('resources/unsubscribe', { uri: await uriOf(follower) });
      assert.deepEqual((await answerOf(await follower.post(unsubscribe))).result, {});
      await follower.call('add-note', { text: 'tea' });
      await other.call('add-note', { text: 'sugar' });
      await heardByOther.next(UPDATED);
      await settled();
      await Promise.all([heard.cancel(), heardByOther.cancel()]);
      assert.deepEqual([updatesIn(heard.text), updatesIn(heardByOther.text)], [1, 1]);
    });

    test("the URI of the notes stays the same, is no other session's, and does not give the session away", async () => {
      const { app } = sessionApp({}, env, { createServer: createMcpServer });
      const [one, other] = [await openSession(app), await openSession(app)];
      const uri = await uriOf(one);
      assert.match(uri, /^notes:\/\/[\da-f-]{36}$/);
      assert.ok(!uri.includes(one.id));
      await nextTurn();
      assert.equal(await uriOf(one), uri);
      assert.notEqual(await uriOf(other), uri);
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
    assert.ok(!app.lines.some((line) => line.includes('told to nobody')));
  });

  test('a caller that is unauthenticated is told that there is nobody to keep notes for', async () => {
    const { app } = sessionApp({}, {}, { createServer: createMcpServer });
    assert.match((await callAs(app, undefined, 'add-note', { text: 'milk' })) ?? '', /caller/);
  });
});

async function textOf(session: LegacySession, tool: string): Promise<string | undefined> {
  return (await session.call(tool, {})).result?.content?.[0]?.text;
}

async function toolsOf(session: LegacySession): Promise<string[]> {
  const { result } = await answerOf(await session.post(rpc('tools/list')));
  return ((result?.['tools'] ?? []) as { name: string }[]).map(({ name }) => name);
}

async function uriOf(session: LegacySession): Promise<string> {
  const { result } = await answerOf(await session.post(rpc('resources/list')));
  const [notes] = (result?.['resources'] ?? []) as { uri: string }[];
  assert.ok(notes);
  return notes.uri;
}

async function subscribe(session: LegacySession): Promise<unknown> {
  return (await answerOf(await session.post(rpc('resources/subscribe', { uri: await uriOf(session) })))).result;
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
