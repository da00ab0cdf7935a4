/** Servers that live for one request: what they send outside of their call reaches nobody, and the log says so. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { McpServer } from '@modelcontextprotocol/server';
import { JSON_HEADERS, modernRequest, openSession, readStream, rpc, testApp, type TestApp } from '../support/app.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

/** What a server may say outside of a call. */
const SAY: Record<string, (server: McpServer) => Promise<void>> = {
  'notifications/tools/list_changed': ({ server }) => server.sendToolListChanged(),
  'notifications/prompts/list_changed': ({ server }) => server.sendPromptListChanged(),
  'notifications/resources/list_changed': ({ server }) => server.sendResourceListChanged(),
  'notifications/resources/updated': ({ server }) => server.sendResourceUpdated({ uri: 'test:one' }),
  'notifications/message': ({ server }) => server.sendLoggingMessage({ level: 'error', data: 'Hello' }),
};

const said: McpServer[] = [];
const TOOLS: Record<string, Tool> = {
  say: ({ server, args }) => SAY[String(args['method'])]?.(server),
  keep: ({ server }) => void said.push(server),
  log: ({ context: { mcpReq } }) => mcpReq.log('error', 'Hello'),
  notify: ({ context: { mcpReq } }) =>
    mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }),
};

const { createServer } = fixture(TOOLS, ({ server }) => {
  server.registerCapabilities({ prompts: { listChanged: true }, resources: { listChanged: true } });
});

const modernCall = (name: string, args: Record<string, unknown> = {}) =>
  modernRequest('tools/call', { name, arguments: args, _meta: { 'io.modelcontextprotocol/logLevel': 'debug' } });
const legacyCall = (name: string, args: Record<string, unknown> = {}) => ({
  headers: JSON_HEADERS,
  body: rpc('tools/call', { name, arguments: args }),
});

const WAYS: Record<string, { env: Record<string, string>; call: typeof modernCall }> = {
  'of 2026-07-28': { env: { MCP_SHORTCUTS: 'on' }, call: modernCall },
  'of 2026-07-28 without shortcuts': { env: { MCP_SHORTCUTS: 'off' }, call: modernCall },
  'of the 2025 revisions without sessions': {
    env: { MCP_SESSIONS: 'stateless', MCP_SHORTCUTS: 'on' },
    call: legacyCall,
  },
};

const warnings = ({ lines }: TestApp) => linesAt('warn', lines);

for (const [way, { env, call }] of Object.entries(WAYS)) {
  describe(`the log of a server ${way}`, () => {
    async function answered(app: TestApp, request: ReturnType<typeof modernCall>): Promise<void> {
      const response = await app.request('POST', request);
      assert.equal(response.status, 200);
      assert.doesNotMatch(await response.text(), /isError/);
      await settled();
    }

    for (const method of Object.keys(SAY)) {
      test(`warns once that ${method} is told to nobody, and of the remedy`, async () => {
        const app = testApp(env, { createServer });
        for (let time = 0; time < 2; time += 1) await answered(app, call('say', { method }));
        const [warning, ...more] = warnings(app);
        assert.deepEqual(more, []);
        assert.equal(warning?.['method'], method);
        assert.match(warning.msg, method === 'notifications/message' ? /mcpReq\.log/ : /use notify of the context/);
        assert.equal(/register in createMcpServer/.test(warning.msg), method.endsWith('list_changed'));
      });
    }

    test('warns of nothing that belongs to a call', async () => {
      const app = testApp(env, { createServer });
      for (const name of ['log', 'notify']) await answered(app, call(name));
      assert.deepEqual(warnings(app), []);
    });
  });
}

test('the log warns of what is sent after the answer, with the shortcut that would drop it silently', async () => {
  for (const { env, call } of [WAYS['of 2026-07-28'], WAYS['of the 2025 revisions without sessions']].flatMap(
    (w) => w ?? [],
  )) {
    const app = testApp(env, { createServer });
    await (await app.request('POST', call('keep'))).text();
    await settled();
    assert.deepEqual(warnings(app), []);
    await said.pop()?.server.sendResourceUpdated({ uri: 'test:one' });
    const [warning] = warnings(app);
    assert.match(warning?.msg ?? '', /^told to nobody/);
    assert.equal(warning?.['method'], 'notifications/resources/updated');
  }
});

test('the log has no warning of what the server of a session tells, which a GET stream hears', async () => {
  const app = testApp({}, { createServer });
  const session = await openSession(app);
  const stream = readStream(await session.get());
  await session.call('say', { method: 'notifications/resources/updated' });
  for (let event = await stream.next(); ; event = await stream.next()) {
    if (event.message?.['method'] === 'notifications/resources/updated') break;
  }
  await stream.cancel();
  assert.deepEqual(warnings(app), []);
});
