/** Tool calls of 2026-07-28 on the fast path, compared with the SDK's handler. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fromJsonSchema,
  inputRequired,
  McpServer,
  ProtocolError,
  requireScopes,
  type Transport,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import { ModernCallTransport } from '../../src/shortcuts/modern-call.ts';
import { answerOf, messagesIn, modernRequest, testApp } from '../support/app.ts';
import { call, region, said } from '../support/modern-call.ts';

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';

const headerSchema = fromJsonSchema<{ region?: string }>({ type: 'object', properties: { region } });

/** An app, how many servers it built, and how many of them served their call on the fast path. */
function appOf(shortcuts: 'on' | 'off') {
  const authInfo = { token: 'secret', clientId: 'c', scopes: ['read'] };
  const transports: Transport[] = [];
  let built = 0;
  const createServer = () => {
    const capabilities = { logging: {}, tools: {} };
    const server = new McpServer({ name: 'test', version: '1' }, { capabilities });
    built += 1;
    const connect = server.connect.bind(server);
    server.connect = (transport) => {
      transports.push(transport);
      return connect(transport);
    };
    const inputSchema = z.object({ text: z.string() });
    server.registerTool('echo', { inputSchema }, async ({ text }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      await mcpReq.log('info', { text });
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      return said(text);
    });
    server.registerTool('fails', {}, () => {
      throw new Error('It broke');
    });
    server.registerTool('refuses', {}, () => {
      throw new ProtocolError(-32602, 'Not that', { why: 'test' });
    });
    server.registerTool('lies', { outputSchema: z.object({ slug: z.string() }) }, () => ({
      ...said(''),
      structuredContent: { slug: 1 as unknown as string },
    }));
    server.registerTool('headered', { inputSchema: headerSchema }, (input) => said(input.region ?? 'nowhere'));
    server.registerTool('asks', {}, () =>
      inputRequired({
        inputRequests: {
          name: inputRequired.elicit({ message: 'Who?', requestedSchema: z.object({ name: z.string() }) }),
        },
      }),
    );
    server.registerTool('off', {}, () => said('')).disable();
    server.registerTool('scoped', { scopeChallenge: requireScopes('read') }, () => said('read'));
    server.registerTool('unscoped', { scopeChallenge: requireScopes('write') }, () => said('written'));
    server.registerTool('mischallenged', { scopeChallenge: () => ({ scopes: ['a b'] }) }, () => said('never'));
    server.registerTool('token', {}, ({ http }) => said(JSON.stringify(http?.authInfo)));
    server.registerTool('who', {}, () =>
      said(JSON.stringify([server.server.getClientVersion(), server.server.getClientCapabilities()])),
    );
    return server;
  };
  const isShort = (transport: Transport) => transport instanceof ModernCallTransport && !transport.isRefused;
  return {
    app: testApp({ MCP_SHORTCUTS: shortcuts }, { createServer, authenticate: async () => ({ authInfo }) }),
    seen: () => ({ built, short: transports.filter(isShort).length }),
  };
}

type Request = ReturnType<typeof modernRequest>;
const echo = (options?: Parameters<typeof modernRequest>[2], meta?: object) =>
  call('echo', { text: 'hi' }, options, meta);
const header = (name: string, value: string | undefined): Request => {
  const { headers, body } = echo();
  const { [name]: _, ...rest } = headers;
  return { body, headers: value === undefined ? rest : { ...rest, [name]: value } };
};
const envelope = (entries: object): Request => {
  const { headers, body } = echo();
  return {
    headers,
    body: { ...body, params: { ...body.params, _meta: { ...(body.params['_meta'] as object), ...entries } } },
  };
};
const withMembers = (entries: object): Request => ({ headers: echo().headers, body: { ...echo().body, ...entries } });

/** Requests, and whether the fast path answers them. */
const CALLS: [what: string, isShort: boolean, request: Request][] = [
  ['a call', true, echo()],
  ['a call with the id 0', true, echo({ id: 0 })],
  ['a call with progress', true, echo({}, { progressToken: 'p' })],
  ['a call with log messages', true, envelope({ [LOG_LEVEL_KEY]: 'debug' })],
  ['a call of a client with capabilities', true, echo({ capabilities: { elicitation: { form: {} }, sampling: {} } })],
  ['a call with wrong arguments', true, call('echo', { text: 1 })],
  ['a call without arguments', true, modernRequest('tools/call', { name: 'fails' }, { id: 'mine' })],
  ['a call whose arguments are a list', true, call('echo', [])],
  ['an unknown tool', true, call('nothing')],
  ['a disabled tool', true, call('off')],
  ['a tool of a name that objects have', true, call('constructor')],
  ['a tool that fails', true, call('fails')],
  ['a tool that answers with an error of the protocol', true, call('refuses')],
  ['a tool whose result is not what it says', true, call('lies')],
  ['a tool that asks a client that cannot answer', true, call('asks')],
  ['a tool that asks a client that can', true, call('asks', {}, { capabilities: { elicitation: { form: {} } } })],
  ['a tool that asks who calls', true, call('who', {}, { capabilities: { roots: {} } })],
  ['a tool that asks for the token', true, call('token')],
  ['a tool whose scope the token has', true, call('scoped')],
  ['a tool whose scope the token lacks', true, call('unscoped')],
  ['a header parameter', false, call('headered', { region: 'eu' }, { headers: { 'mcp-param-region': 'eu' } })],
  [
    'a header parameter that differs',
    false,
    call('headered', { region: 'eu' }, { headers: { 'mcp-param-region': 'us' } }),
  ],
  ['a header parameter that is missing', false, call('headered', { region: 'eu' })],
  ['another Mcp-Name', false, header('mcp-name', 'off')],
  ['an encoded Mcp-Name', false, header('mcp-name', `=?base64?${btoa('echo')}?=`)],
  ['no Mcp-Name', false, header('mcp-name', undefined)],
  ['another Mcp-Method', false, header('mcp-method', 'tools/list')],
  ['no MCP-Protocol-Version', false, header('mcp-protocol-version', undefined)],
  ['another MCP-Protocol-Version', false, header('mcp-protocol-version', '2025-11-25')],
  ['a client that reads JSON only', false, header('accept', 'application/json')],
  ['a client that reads streams only', false, header('accept', 'text/event-stream')],
  ['an envelope with another revision', false, envelope({ [VERSION_KEY]: '2099-01-01' })],
  ['an envelope without capabilities', false, envelope({ [CAPABILITIES_KEY]: undefined })],
  ['an envelope with wrong capabilities', false, envelope({ [CAPABILITIES_KEY]: [] })],
  ['an envelope with a wrong log level', false, envelope({ [LOG_LEVEL_KEY]: 'loud' })],
  ['a progress token that is an object', false, envelope({ progressToken: {} })],
  ['a request with a member too many', false, withMembers({ result: {} })],
  ['a request of another version of JSON-RPC', false, withMembers({ jsonrpc: '1.0' })],
  ['an id that is no whole number', false, withMembers({ id: 1.5 })],
  ['an id that is null', false, withMembers({ id: null })],
];

/** An answer, as a client reads it. */
async function read(response: Response) {
  const { status, headers } = response;
  // Each request has an id of its own.
  assert.ok(headers.get('x-request-id'));
  headers.delete('x-request-id');
  return { status, headers: Object.fromEntries(headers), messages: messagesIn(await response.text()) };
}

for (const [what, isShort, request] of CALLS) {
  test(`answers ${what} as the SDK's handler does`, async () => {
    const short = appOf('on');
    const long = appOf('off');
    const answer = await read(await short.app.request('POST', request));
    assert.deepEqual(answer, await read(await long.app.request('POST', request)));
    assert.ok(answer.messages.length > 0);
    assert.deepEqual([short.seen().short, long.seen().short], [isShort ? 1 : 0, 0]);
  });
}

test('answers 500 to a tool that asks for an invalid scope, and does not run it', async () => {
  const { app } = appOf('on');
  const response = await app.request('POST', call('mischallenged'));
  assert.deepEqual([response.status, (await answerOf(response)).error?.code], [500, -32603]);
});

test('answers a plain call on the fast path', async () => {
  const { app, seen } = appOf('on');
  for (let round = 0; round < 3; round += 1) assert.equal((await app.request('POST', echo())).status, 200);
  assert.deepEqual(seen(), { built: 3, short: 3 });
});

test('leaves every call to the handler of the SDK when shortcuts are off', async () => {
  const { app, seen } = appOf('off');
  for (let round = 0; round < 3; round += 1) assert.equal((await app.request('POST', echo())).status, 200);
  assert.deepEqual(seen(), { built: 3, short: 0 });
});
