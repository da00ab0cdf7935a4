/** Servers that were built for one request, after its answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer, type RegisteredTool, type ServerContext } from '@modelcontextprotocol/server';
import { JSON_HEADERS, rpc, testApp } from './support/app.ts';
import { call, LISTED, said } from './support/modern-call.ts';
import { settled } from './support/time.ts';

const WAYS = {
  'a call of 2026-07-28': { env: {}, request: call('tool') },
  'a call of the 2025 revisions': {
    env: { MCP_SESSIONS: 'stateless' },
    request: { headers: JSON_HEADERS, body: rpc('tools/call', { name: 'tool', arguments: {} }) },
  },
};

class ClosableServer extends McpServer {
  closed = 0;

  override async close(): Promise<void> {
    this.closed += 1;
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
  const options = { capabilities: { logging: {}, tools: {} }, supportedProtocolVersions: LISTED };
  const server = new ClosableServer({ name: 'test', version: '1' }, options);
  const tool = server.registerTool('tool', {}, (context: ServerContext) => {
    built.context = context;
    return said('done');
  });
  const built: Built = { server, protocol: server.server, tool };
  return built;
}

for (const [what, { env, request }] of Object.entries(WAYS)) {
  /** Makes the call, and waits until it is over. */
  async function answered(built: Built, app = testApp(env, { createServer: () => built.server })) {
    const response = await app.request('POST', request);
    assert.equal(response.status, 200);
    await response.text();
    await settled();
    return app;
  }

  test(`holds nothing of ${what} through its McpServer, which is closed once`, async () => {
    const built = build();
    await answered(built);
    assert.notEqual(built.server.server, built.protocol);
    assert.equal(built.server.closed, 1);
  });

  test(`takes what is sent after ${what}, and sends it nowhere`, async () => {
    const built = build();
    await answered(built);
    const { server, tool, context } = built;
    assert.equal(server.isConnected(), false);
    tool.update({ title: 'Other' });
    server.sendResourceListChanged();
    server.sendPromptListChanged();
    await server.sendLoggingMessage({ level: 'error', data: 'late' });
    await server.server.sendResourceUpdated({ uri: 'test:late' });
    await context?.mcpReq.notify({ method: 'notifications/message', params: { level: 'error', data: 'late' } });
    await assert.rejects(server.server.listRoots(), /Nobody is left to answer roots\/list/);
    // What failed without anybody waiting would fail the test.
    await settled();
  });

  test(`does not serve another request with the server of ${what}`, async () => {
    const built = build();
    const app = await answered(built);
    assert.equal((await app.request('POST', request)).status, 500);
    assert.ok(app.lines.some((line) => line.includes('used before')));
  });

  test(`tells a server that wants to know that ${what} is over, and leaves it whole`, async () => {
    const built = build();
    let ended = 0;
    built.protocol.onclose = () => void (ended += 1);
    await answered(built);
    assert.deepEqual([ended, built.server.closed], [1, 1]);
    assert.equal(built.server.server, built.protocol);
  });
}

test('closes a server that still waits for an answer of its client', async () => {
  const server = new McpServer({ name: 'test', version: '1' });
  let waiting: Promise<unknown> | undefined;
  server.registerTool('tool', {}, () => {
    waiting = server.server.ping();
    waiting.catch(() => {});
    return said('done');
  });
  const { env, request } = WAYS['a call of the 2025 revisions'];
  const response = await testApp(env, { createServer: () => server }).request('POST', request);
  assert.equal(response.headers.get('content-type'), 'application/json');
  await assert.rejects(waiting ?? Promise.resolve(), /Connection closed/);
});
