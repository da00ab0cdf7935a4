/** The trials of docs/faq.md that no other test makes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import * as z3 from 'zod/v3';
import { createMemoryChangeLog } from '../src/memory/memory-change-log.ts';
import { createNotifier } from '../src/tools.ts';
import {
  answerOf,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  messagesIn,
  modernRequest,
  openSession,
  rpc,
  sessionOf,
  testApp,
  URL_OF_APP,
  type TestApp,
} from './support/app.ts';
import { breakOff, createChangingServer, listen, setUp, toldIn } from './support/changing.ts';
import { CLIENTS, connectHttp } from './support/clients.ts';
import { manualClock } from './support/clock.ts';
import { fixture } from './support/fixture.ts';
import { AUDIENCE, OAUTH, testIssuer } from './support/issuer.ts';
import { bearer, sessionApp } from './support/session-app.ts';
import { settled, waitFor } from './support/time.ts';

/** Sends what a client fetches through the app that is there at the moment. */
function fetchThrough(current: () => TestApp): FetchLike {
  return async (input, init) => {
    const request = new Request(input, init);
    request.headers.set('host', '127.0.0.1:3000');
    return current().fetch(request);
  };
}

/** A server with one tool. */
function serverWith(config: object, result: object): () => McpServer {
  return () => {
    const server = new McpServer({ name: 'one-tool', version: '1.0.0' });
    server.registerTool('tool', config, () => ({ content: [{ type: 'text', text: 'done' }], ...result }));
    return server;
  };
}

test('answers initialize for a revision that it does not know with the latest one that has sessions', async () => {
  const body = initializeRequest({}, '2031-01-01');
  const { result } = await answerOf(await testApp().request('POST', { headers: JSON_HEADERS, body }));
  assert.equal(result?.['protocolVersion'], LATEST_LEGACY);
});

test('answers 500 to the second client of a createMcpServer that returns the same server again, and logs why', async () => {
  const shared = serverWith({}, {})();
  const app = testApp({}, { createServer: () => shared });
  await openSession(app);
  await assert.rejects(openSession(app), /answered 500/);
  assert.match(app.lines.join('\n'), /returned a server that it had returned before: it must build a new one/);
});

describe('after a restart that has lost the sessions', () => {
  for (const kind of ['v1', 'v2 legacy'] as const) {
    test(`a ${kind} client fails with 404 in its session until it connects anew`, async (t) => {
      const before = testApp();
      let app = before;
      const options = { fetch: fetchThrough(() => app) };
      const client = await connectHttp(t, kind, URL_OF_APP, options);
      await client.call('echo', { text: 'before' });
      app = testApp();
      await before.drain();
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await assert.rejects(client.call('echo', { text: 'after' }), /Session not found: start a new one/);
      }
      const anew = await connectHttp(t, kind, URL_OF_APP, options);
      assert.deepEqual((await anew.call('echo', { text: 'after' })).structuredContent, { echo: 'after' });
    });
  }

  test('a v2 auto client, which has none, goes on', async (t) => {
    const before = testApp();
    let app = before;
    const client = await connectHttp(t, 'v2 auto', URL_OF_APP, { fetch: fetchThrough(() => app) });
    app = testApp();
    await before.drain();
    assert.deepEqual((await client.call('echo', { text: 'after' })).structuredContent, { echo: 'after' });
  });
});

describe('a list of tools that a deploy has changed', () => {
  test('is served to a session that goes on, which hears of it once notify says so', async () => {
    const { another, session } = await setUp({ changes: createMemoryChangeLog() });
    await breakOff(await listen(session));

    const notify = createNotifier();
    const createServer = () => {
      const server = createChangingServer();
      server.registerTool('new', {}, () => ({ content: [] }));
      return server;
    };
    const there = sessionOf(another(undefined, { createServer, notify }), session.id);
    const { result } = await answerOf(await there.post(rpc('tools/list')));
    const tools = (result?.['tools'] ?? []) as { name: string }[];
    assert.deepEqual(
      tools.map(({ name }) => name),
      ['new'],
    );
    const stream = await listen(there);
    await settled();
    assert.deepEqual(toldIn(stream), []);
    notify.toolsChanged();
    await settled();
    assert.deepEqual(toldIn(stream), ['tools']);
    await stream.cancel();
  });
});

describe('a tool', () => {
  test('with a schema of Zod 3 gets the client -32603 for the list, and the reason', async () => {
    const createServer = serverWith({ inputSchema: z3.object({ text: z3.string() }) }, {});
    const session = await openSession(testApp({}, { createServer }));
    const { error } = await answerOf(await session.post(rpc('tools/list')));
    assert.equal(error?.code, -32603);
    assert.match(error?.message ?? '', /zod 3.*Upgrade to zod/);
  });

  test('with an output schema, but without structured content, answers isError and says so', async () => {
    const createServer = serverWith({ outputSchema: z.object({ text: z.string() }) }, {});
    const { result } = await (await openSession(testApp({}, { createServer }))).call('tool', {});
    assert.equal(result?.isError, true);
    assert.match(result?.content?.[0]?.text ?? '', /no structured content/);
  });

  for (const { kind } of CLIENTS) {
    test(`with more structured content than its schema has is refused by a ${kind} client, unless the schema is loose`, async (t) => {
      const result = { structuredContent: { text: 'x', more: 1 } };
      const connected = (outputSchema: object) => {
        const app = testApp({}, { createServer: serverWith({ outputSchema }, result) });
        return connectHttp(t, kind, URL_OF_APP, { fetch: fetchThrough(() => app) });
      };
      const strict = await connected(z.object({ text: z.string() }));
      await strict.listTools();
      await assert.rejects(
        strict.call('tool'),
        /does not match the tool's output schema: data must NOT have additional properties/,
      );
      const loose = await connected(z.looseObject({ text: z.string() }));
      await loose.listTools();
      assert.deepEqual((await loose.call('tool')).structuredContent, result.structuredContent);
    });
  }

  test('that asks the client for something answers isError with MCP_SESSIONS=stateless', async () => {
    const ask = ({ server }: { server: McpServer }) =>
      server.server.elicitInput({ message: 'Go on?', requestedSchema: { type: 'object', properties: {} } });
    const { app } = sessionApp({ ask }, { MCP_SESSIONS: 'stateless' });
    const body = rpc('tools/call', { name: 'ask', arguments: {} });
    const { result } = await answerOf(await app.request('POST', { headers: JSON_HEADERS, body }));
    assert.equal(result?.isError, true);
    assert.match(result?.content?.[0]?.text ?? '', /Client does not support form elicitation/);
  });
});

describe('a call that takes long', () => {
  for (const { kind } of CLIENTS) {
    test(`is given up by a ${kind} client when its own time is over, and stops`, async (t) => {
      let started = 0;
      let stopped = 0;
      const { createServer } = fixture({
        wait: ({ context: { mcpReq } }) => {
          started += 1;
          return new Promise((_resolve, reject) => {
            mcpReq.signal.addEventListener('abort', () => {
              stopped += 1;
              reject(new Error('stopped'));
            });
          });
        },
      });
      const app = testApp({}, { createServer });
      const client = await connectHttp(t, kind, URL_OF_APP, { fetch: fetchThrough(() => app) });
      await assert.rejects(client.call('wait', {}, { timeout: 100 }), /Request timed out/);
      await waitFor(() => stopped === started);
    });
  }

  for (const [era, params] of [
    ['legacy', {}],
    ['modern', {}],
    ['legacy', { _meta: { progressToken: 'token' } }],
    ['modern', { _meta: { progressToken: 'token' } }],
  ] as const) {
    const asked = '_meta' in params;
    test(`reports ${asked ? 'its' : 'no'} progress to a ${era} client that has ${asked ? '' : 'not '}asked for it`, async () => {
      const app = testApp();
      const call = { name: 'count', arguments: { to: 2 }, ...params };
      const response =
        era === 'legacy'
          ? await (await openSession(app)).post(rpc('tools/call', call))
          : await app.request('POST', modernRequest('tools/call', call));
      const progress = messagesIn(await response.text()).filter(({ method }) => method === 'notifications/progress');
      assert.equal(progress.length, asked ? 2 : 0);
    });
  }
});

test('answers 401 to a token whose audience has a slash more than the URL, and logs what is wrong', async () => {
  const clock = manualClock();
  const issuer = await testIssuer({ clock });
  const app = testApp(OAUTH, { clock, fetch: issuer.fetch });
  const statusWith = async (aud: string) => {
    const headers = { ...JSON_HEADERS, ...bearer(await issuer.token({ aud })) };
    return (await app.request('POST', { headers, body: initializeRequest() })).status;
  };
  assert.equal(await statusWith(AUDIENCE), 200);
  assert.equal(await statusWith(`${AUDIENCE}/`), 401);
  assert.match(app.lines.join('\n'), /aud check_failed; tokens must be for the URL of this server/);
});
