import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { CallToolResult } from '@modelcontextprotocol/client';
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { connectClient, type AppConnection } from '../../src/testing/connect-client.ts';
import type { McpContext } from '../../src/tools.ts';
import { gate } from '../support/app.ts';
import { startCommand } from '../support/process.ts';
import { COUNT_SCOPE, createTestServer } from '../support/test-server.ts';

const ERAS = ['modern', 'legacy'] as const;
const RESOURCE = 'test://resource';
const guestsForm = z.object({ guests: z.number() });

/** A server that asks, remembers, tells, and hangs until `gates` are opened or the call is cancelled. */
function createServerOf(gates: { called: () => void; cancelled: () => void } = { called() {}, cancelled() {} }) {
  return ({ state, notify, caller }: McpContext): McpServer => {
    const capabilities = { resources: { subscribe: true }, logging: {} };
    const server = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities });
    server.registerResource('resource', RESOURCE, {}, () => ({ contents: [{ uri: RESOURCE, text: '' }] }));
    server.registerTool('touch', {}, () => {
      notify.resourceUpdated(RESOURCE);
      return textResult('touched');
    });
    server.registerTool('ask', {}, ({ mcpReq }) => {
      const answer = acceptedContent(mcpReq.inputResponses, 'guests', guestsForm);
      if (answer) return textResult(`${answer.guests} guests`);
      const guests = inputRequired.elicit({ message: 'How many?', requestedSchema: guestsForm });
      return inputRequired({ inputRequests: { guests } });
    });
    server.registerTool('visits', {}, async () => {
      const values = caller ? state.caller : state.session;
      return textResult(String(await values.update<number>('visits', (before = 0) => before + 1)));
    });
    server.registerTool('hang', {}, async ({ mcpReq }) => {
      mcpReq.signal.addEventListener('abort', gates.cancelled);
      gates.called();
      return new Promise<CallToolResult>(() => {});
    });
    return server;
  };
}

const textResult = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });
const textOf = ({ content: [first] }: CallToolResult) => first?.type === 'text' && first.text;

async function connect(t: TestContext, options?: AppConnection) {
  const connected = await connectClient(createServerOf(), options);
  t.after(connected.close);
  return connected;
}

for (const era of ERAS) {
  describe(`in the ${era} era`, () => {
    test('connects a client of that era, with a session only if the era has them', async (t) => {
      const { client, sessionId } = await connect(t, { era });
      assert.equal(client.getProtocolEra(), era);
      assert.equal(sessionId !== undefined, era === 'legacy');
      const { tools } = await client.listTools();
      assert.deepEqual(
        tools.map(({ name }) => name),
        ['touch', 'ask', 'visits', 'hang'],
      );
    });

    test('tells the client of a resource that it follows', async (t) => {
      const { client } = await connect(t, { era });
      const updated = new Promise<string>((resolve) => {
        client.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri));
      });
      if (era === 'modern') await client.listen({ resourceSubscriptions: [RESOURCE] });
      else await client.subscribeResource({ uri: RESOURCE });
      await client.callTool({ name: 'touch' });
      assert.equal(await updated, RESOURCE);
    });

    test('asks the handler that was prepared', async (t) => {
      const { client } = await connect(t, {
        era,
        client: { capabilities: { elicitation: { form: {} } } },
        prepare: (asked) =>
          asked.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { guests: 4 } })),
      });
      assert.equal(textOf(await client.callTool({ name: 'ask' })), '4 guests');
    });

    test('calls as the caller that is given', async (t) => {
      const caller = { principal: { issuer: 'test', subject: 'ada', client: 'test' } };
      const { client, app } = await connect(t, { era, caller });
      assert.equal(textOf(await client.callTool({ name: 'visits' })), '1');
      const other = await connectClient(app, { era });
      t.after(other.close);
      assert.equal(textOf(await other.client.callTool({ name: 'visits' })), '2');
    });

    test('sends the token, and rejects where it is refused', async (t) => {
      const token = 't'.repeat(32);
      const env = { MCP_AUTH_TOKENS: `ada:${token}:${COUNT_SCOPE}` };
      const { client, close } = await connectClient((context) => createTestServer(context), { era, env, token });
      t.after(close);
      assert.equal((await client.listTools()).tools.length, 2);
      await assert.rejects(connectClient(createServerOf(), { era, env, token: 'wrong' }), /HTTP 401|invalid_token/);
    });

    test('cancels a call on the server when the client aborts it', async (t) => {
      const [called, cancelled] = [gate(), gate()];
      const createServer = createServerOf({ called: called.open, cancelled: cancelled.open });
      const { client, close } = await connectClient(createServer, { era });
      t.after(close);
      const aborting = new AbortController();
      const call = client.callTool({ name: 'hang' }, { signal: aborting.signal });
      await called.opened;
      aborting.abort();
      await assert.rejects(call);
      await cancelled.opened;
    });

    test('closes although a call is running, and drains the app that it made', async () => {
      const called = gate();
      const { client, app, close } = await connectClient(createServerOf({ called: called.open, cancelled() {} }), {
        era,
      });
      const call = assert.rejects(client.callTool({ name: 'hang' }));
      await called.opened;
      await close();
      await close();
      await call;
      assert.equal(app.lifecycle.phase, 'stopped');
    });
  });
}

test('leaves an app that it was given to its owner', async () => {
  const app = createApp(createServerOf(), { config: loadConfig({ LOG_LEVEL: 'warn' }) });
  for (const era of ERAS) {
    const { client, close } = await connectClient(app, { era });
    assert.equal(textOf(await client.callTool({ name: 'touch' })), 'touched');
    await close();
  }
  assert.equal(app.lifecycle.phase, 'serving');
  await app.drain();
});

test('rejects with what is wrong with a setting', async () => {
  await assert.rejects(connectClient(createServerOf(), { env: { MCP_SESSIONS: 'some' } }), /MCP_SESSIONS=some/);
});

test('leaves nothing behind that would keep a process from ending', async (t) => {
  const program = `
    import { connectClient } from './src/testing/connect-client.ts';
    import { createTestServer } from './test/support/test-server.ts';
    for (const era of ['modern', 'legacy']) {
      const { client, close } = await connectClient(createTestServer, { era });
      await client.callTool({ name: 'echo', arguments: { text: era } });
      await close();
    }
    console.error('closed');`;
  const args = ['--import', './loader.mjs', '--input-type=module', '--eval', program];
  const started = startCommand(t, process.execPath, { args });
  await started.stderrMatch(/^closed$/m);
  assert.deepEqual(await started.exit(), { code: 0, signal: null });
});
