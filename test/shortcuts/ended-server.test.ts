/** Servers that are over: those of one request, which are detached with the answer, and those of sessions, which are closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer, type RegisteredTool, type ServerContext } from '@modelcontextprotocol/server';
import { initializeRequest, JSON_HEADERS, rpc, sessionOf, testApp, type TestApp } from '../support/app.ts';
import { call, said } from '../support/modern-call.ts';
import { settled } from '../support/time.ts';

const CALL = { headers: JSON_HEADERS, body: rpc('tools/call', { name: 'tool', arguments: {} }) };
const STATELESS = { MCP_SESSIONS: 'stateless', MCP_SHORTCUTS: 'on' };

const SESSION = 'a session';

/** What a server serves, to its end; resolves to the first answer. */
const WAYS: Record<string, { env: Record<string, string>; serve: (app: TestApp) => Promise<Response> }> = {
  'a call of 2026-07-28': { env: { MCP_SHORTCUTS: 'on' }, serve: (app) => app.request('POST', call('tool')) },
  'a call of the 2025 revisions': { env: STATELESS, serve: (app) => app.request('POST', CALL) },
  [SESSION]: {
    env: {},
    async serve(app) {
      const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
      if (opened.status !== 200) return opened;
      const session = sessionOf(app, opened.headers.get('mcp-session-id') ?? '');
      assert.deepEqual((await session.call('tool', {})).result, said('done'));
      assert.equal((await session.delete()).status, 204);
      return opened;
    },
  },
};

class ClosableServer extends McpServer {
  closed = 0;
  onclose = () => {};

  override async close(): Promise<void> {
    this.closed += 1;
    this.onclose();
    await super.close();
  }
}

interface Built {
  server: ClosableServer;
  /** The server below it, as it was when it was built. */
  protocol: McpServer['server'];
  tool: RegisteredTool;
  /** What the tool was called with. */
  context?: ServerContext;
}

function build(): Built {
  const options = { capabilities: { logging: {}, tools: {} } };
  const server = new ClosableServer({ name: 'test', version: '1' }, options);
  const tool = server.registerTool('tool', {}, (context: ServerContext) => {
    built.context = context;
    return said('done');
  });
  const built: Built = { server, protocol: server.server, tool };
  return built;
}

for (const [what, { env, serve }] of Object.entries(WAYS)) {
  /** Has it serve to the end. */
  async function served(built: Built, app = testApp(env, { createServer: () => built.server })) {
    const response = await serve(app);
    assert.equal(response.status, 200);
    await response.text();
    await settled();
    return app;
  }

  test(`closes the McpServer of ${what} once, and holds nothing through one of a single request`, async () => {
    const built = build();
    await served(built);
    assert.equal(built.server.server === built.protocol, what === SESSION);
    assert.equal(built.server.closed, 1);
  });

  test(`accepts what is sent after ${what}, and drops it`, async () => {
    const built = build();
    await served(built);
    const { server, tool, context } = built;
    assert.equal(server.isConnected(), false);
    tool.update({ title: 'Other' });
    server.sendResourceListChanged();
    server.sendPromptListChanged();
    const late = { method: 'notifications/message', params: { level: 'error', data: 'late' } } as const;
    for (const send of [
      () => server.sendLoggingMessage(late.params),
      () => server.server.sendResourceUpdated({ uri: 'test:late' }),
      () => context?.mcpReq.notify(late) ?? Promise.reject(new Error('never called')),
    ]) {
      // A sender must learn that the client of a session has gone.
      if (what === SESSION) await assert.rejects(send, /Not connected/);
      else await send();
    }
    const refusal = what === SESSION ? /Not connected/ : /roots\/list cannot be sent/;
    await assert.rejects(server.server.listRoots(), refusal);
    // An unhandled rejection would fail the test.
    await settled();
  });

  // The server of a session is closed, and is its author's again.
  if (what === SESSION) continue;

  test(`keeps nothing that is registered after ${what}`, async () => {
    for (const built of [build(), build()]) {
      await served(built);
      // The SDK sets handlers with the first, and refuses to do it twice.
      built.server.registerPrompt('late', {}, () => ({ messages: [] }));
    }
  });

  test(`does not serve another request with the server of ${what}`, async () => {
    const built = build();
    const app = await served(built);
    assert.equal((await serve(app)).status, 500);
    assert.ok(app.lines.some((line) => line.includes('it had returned before')));
  });

  test(`tells a server with an onclose handler that ${what} is over`, async () => {
    const built = build();
    let ended = 0;
    built.protocol.onclose = () => void (ended += 1);
    await served(built);
    assert.deepEqual([ended, built.server.closed], [1, 1]);
    assert.equal(built.server.server, built.protocol);
  });
}

/** The answer to a call without a session whose tool does `act`. */
function serveOne(server: McpServer, act: (context: ServerContext) => unknown): Promise<Response> {
  server.registerTool('acting', {}, async (context: ServerContext) => {
    await act(context);
    return said('done');
  });
  const body = rpc('tools/call', { name: 'acting', arguments: {} });
  return testApp(STATELESS, { createServer: () => server }).request('POST', { headers: JSON_HEADERS, body });
}

test('closes a server that still waits for an answer of its client', async () => {
  const { server } = build();
  let waiting: Promise<unknown> | undefined;
  const response = await serveOne(server, () => {
    waiting = server.server.ping();
    waiting.catch(() => {});
  });
  assert.equal(response.headers.get('content-type'), 'application/json');
  await assert.rejects(waiting ?? Promise.resolve(), /Connection closed/);
});

test('cancels the call of a tool that closes its server, which is closed once more only', async () => {
  const { server } = build();
  let signal: AbortSignal | undefined;
  const response = await serveOne(server, async ({ mcpReq }) => {
    signal = mcpReq.signal;
    await server.close();
  });
  assert.equal(response.status, 500);
  await response.text();
  assert.deepEqual([signal?.aborted, server.closed], [true, 2]);
});

test('closes the server of a session that ends, and what it waits for', async () => {
  const built = build();
  const app = testApp({}, { createServer: () => built.server });
  const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
  const session = sessionOf(app, opened.headers.get('mcp-session-id') ?? '');
  const asked = assert.rejects(built.protocol.ping(), /Connection closed/);
  assert.equal((await session.delete()).status, 204);
  await asked;
  assert.equal(built.protocol.transport, undefined);
});
