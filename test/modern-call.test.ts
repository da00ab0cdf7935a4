/** Tool calls of 2026-07-28 that take the short way, compared with the way of the SDK's handler. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fromJsonSchema,
  inputRequired,
  McpServer,
  ProtocolError,
  requireScopes,
  Server,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import { ModernCallTransport } from '../src/modern-call.ts';
import { answerOf, gate, messagesIn, MODERN, modernRequest, testApp, type RpcAnswer } from './support/app.ts';
import { assertRefused } from './support/refusal.ts';
import { manualClock } from './support/clock.ts';
import { pass, settled } from './support/time.ts';

const LISTED = [MODERN, ...SUPPORTED_PROTOCOL_VERSIONS];
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities';
const LOG_LEVEL_KEY = 'io.modelcontextprotocol/logLevel';

const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });
const region = { type: 'string', 'x-mcp-header': 'Region' } as const;
const headerSchema = fromJsonSchema<{ region?: string }>({ type: 'object', properties: { region } });

/** An app, and how many servers it built and has connected the short way, which leaves them so. */
function appOf(supportedProtocolVersions: string[]) {
  const authInfo = { token: 'secret', clientId: 'c', scopes: ['read'] };
  const servers: McpServer[] = [];
  const createServer = () => {
    const capabilities = { logging: {}, tools: {} };
    const server = new McpServer({ name: 'test', version: '1' }, { capabilities, supportedProtocolVersions });
    servers.push(server);
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
  const isShort = ({ server }: McpServer) => server.transport instanceof ModernCallTransport;
  return {
    app: testApp({}, { createServer, authenticate: async () => ({ authInfo }) }),
    seen: () => ({ built: servers.length, short: servers.filter(isShort).length }),
  };
}

type Request = ReturnType<typeof modernRequest>;
const call = (name: string, args: object = {}, options: Parameters<typeof modernRequest>[2] = {}, _meta: object = {}) =>
  modernRequest('tools/call', { name, arguments: args, _meta }, { id: 'mine', ...options });
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

/** What is sent, and whether it takes the short way to the end. */
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
  ['a tool whose scope the token lacks', false, call('unscoped')],
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
  return { status, headers: Object.fromEntries(headers), messages: messagesIn(await response.text()) };
}

for (const [what, isShort, request] of CALLS) {
  test(`answers ${what} as the SDK's handler does`, async () => {
    const short = appOf(LISTED);
    const long = appOf(SUPPORTED_PROTOCOL_VERSIONS);
    // From then on nothing takes the short way there.
    await long.app.request('POST', echo());
    const answer = await read(await short.app.request('POST', request));
    assert.deepEqual(answer, await read(await long.app.request('POST', request)));
    assert.ok(answer.messages.length > 0);
    assert.deepEqual([short.seen().short, long.seen().short], [isShort ? 1 : 0, 0]);
  });
}

test('answers 500 to a tool that asks for what is no scope, and does not run it', async () => {
  const { app } = appOf(LISTED);
  const response = await app.request('POST', call('mischallenged'));
  assert.deepEqual([response.status, (await answerOf(response)).error?.code], [500, -32603]);
});

test('takes the short way with a plain call', async () => {
  const { app, seen } = appOf(LISTED);
  for (let round = 0; round < 3; round += 1) assert.equal((await app.request('POST', echo())).status, 200);
  assert.deepEqual(seen(), { built: 3, short: 3 });
});

test('tries the short way once where servers do not list the revision', async () => {
  const { app, seen } = appOf(SUPPORTED_PROTOCOL_VERSIONS);
  for (let round = 0; round < 3; round += 1) assert.equal((await app.request('POST', echo())).status, 200);
  assert.deepEqual(seen(), { built: 4, short: 0 });
});

/** An app with one tool on the short way, and how often a server of it was closed. */
function appWith(tool: (signal: AbortSignal) => unknown, { hasHook = true, isListed = true } = {}) {
  const seen = { closed: 0 };
  const app = testApp(
    { MCP_DRAIN_SECONDS: '0' },
    {
      createServer: () => {
        const supportedProtocolVersions = isListed ? LISTED : SUPPORTED_PROTOCOL_VERSIONS;
        const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions });
        server.registerTool('tool', {}, async ({ mcpReq }) => {
          assert.equal(server.server.transport instanceof ModernCallTransport, isListed);
          const progressToken = mcpReq._meta?.progressToken;
          if (progressToken !== undefined)
            await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
          return { content: [], structuredContent: { value: await tool(mcpReq.signal) } };
        });
        if (hasHook) server.server.onclose = () => void (seen.closed += 1);
        return server;
      },
    },
  );
  return { app, seen };
}

/** A tool that waits until its call is cancelled. */
function waiting() {
  const started = gate();
  let cancelled = false;
  const tool = (signal: AbortSignal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve((cancelled = true)));
      started.open();
    });
  return { tool, started: started.opened, isCancelled: () => cancelled };
}

test('tells a server that wants to know that its call is over', async () => {
  const { app, seen } = appWith(() => 1);
  await app.request('POST', call('tool'));
  await settled();
  assert.equal(seen.closed, 1);
});

const circle: unknown[] = [];
circle.push(circle);
for (const [what, value] of Object.entries({ 'a big integer': 1n, 'a circle': circle })) {
  test(`answers -32603 to a result with ${what}, which has no JSON form`, async () => {
    const { app } = appWith(() => value);
    const { id, error } = await answerOf(await app.request('POST', call('tool')));
    assert.deepEqual({ id, code: error?.code }, { id: 'mine', code: -32603 });
  });

  test(`answers 500 with -32603 to a result with ${what} in the SDK's handler`, async () => {
    const { app, seen } = appWith(() => value, { isListed: false });
    await assertRefused(await app.request('POST', call('tool')), { status: 500, code: -32603, id: 'mine' });
    // The first server was for the short way.
    assert.equal(seen.closed, 2);
    assert.equal(await app.drain(), 0);
  });

  test(`ends a stream whose result has ${what}, with an error or without an answer`, async () => {
    for (const [isListed, expected] of [
      [true, [-32603]],
      [false, []],
    ] as const) {
      const { app } = appWith(() => value, { isListed });
      const { status, messages } = await read(await app.request('POST', call('tool', {}, {}, { progressToken: 1 })));
      const codes = messages.flatMap((message) => (message as Partial<RpcAnswer>).error?.code ?? []);
      assert.deepEqual([status, codes, messages.length], [200, expected, 1 + expected.length]);
      assert.equal(await app.drain(), 0);
    }
  });
}

test('cancels a call whose client goes away, and closes its server', async () => {
  const { tool, started, isCancelled } = waiting();
  const { app, seen } = appWith(tool);
  const abort = new AbortController();
  const response = app.request('POST', { ...call('tool'), signal: abort.signal });
  await started;
  abort.abort();
  assert.equal((await response).status, 499);
  assert.deepEqual([isCancelled(), seen.closed], [true, 1]);
  assert.equal(await app.drain(), 0);
});

test('cuts a call off when the time to drain is over, and says so', async () => {
  const { tool, started, isCancelled } = waiting();
  const { app } = appWith(tool, { hasHook: false });
  const response = app.request('POST', call('tool'));
  await started;
  assert.equal(await app.drain(), 1);
  const { status, headers } = await response;
  assert.deepEqual([status, headers.get('retry-after'), isCancelled()], [503, '5', true]);
});

/** An app whose tool must not run: where it waits before, a gate opens and another is waited for. */
function waitingApp(where: 'factory' | 'challenge', properties: Record<string, typeof region> = {}) {
  const reached = gate();
  const released = gate();
  let hasRun = false;
  const wait = async () => {
    reached.open();
    await released.opened;
  };
  const app = testApp(
    { MCP_DRAIN_SECONDS: '0' },
    {
      createServer: async () => {
        if (where === 'factory') await wait();
        const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions: LISTED });
        const inputSchema = fromJsonSchema({ type: 'object', properties });
        const scopeChallenge = where === 'challenge' ? () => wait().then(() => undefined) : undefined;
        server.registerTool('tool', { inputSchema, ...(scopeChallenge && { scopeChallenge }) }, () => {
          hasRun = true;
          return said('');
        });
        return server;
      },
    },
  );
  return { app, reached: reached.opened, release: released.open, hasRun: () => hasRun };
}

for (const where of ['factory', 'challenge'] as const) {
  test(`does not run a tool whose client goes away while the ${where} waits`, async () => {
    const { app, reached, release, hasRun } = waitingApp(where);
    const abort = new AbortController();
    const response = app.request('POST', { ...call('tool'), signal: abort.signal });
    await reached;
    abort.abort();
    release();
    assert.equal((await response).status, 499);
    await settled();
    assert.equal(hasRun(), false);
    assert.equal(await app.drain(), 0);
  });

  for (const properties of where === 'factory' ? [{}, { region }] : [{}]) {
    const kind = 'region' in properties ? 'with a header parameter ' : '';
    test(`does not run a tool ${kind}when the time to drain is over while the ${where} waits`, async () => {
      const { app, reached, release, hasRun } = waitingApp(where, properties);
      const response = app.request('POST', call('tool'));
      await reached;
      await app.drain();
      release();
      assert.deepEqual([(await response).status, (await answerOf(await response)).id], [503, 'mine']);
      await settled();
      assert.equal(hasRun(), false);
    });
  }
}

test('answers a call that takes long with JSON, as long as it has nothing else to say', async () => {
  const clock = manualClock();
  const over = gate();
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions: LISTED });
    server.registerTool('tool', {}, () => over.opened.then(() => said('late')));
    return server;
  };
  const response = testApp({}, { createServer, clock }).request('POST', call('tool'));
  await pass(clock, 60_000);
  over.open();
  assert.equal((await response).headers.get('content-type'), 'application/json');
});

for (const isListed of [true, false]) {
  const way = isListed ? 'the short way' : "the SDK's handler";
  test(`answers 503 to what is cut off when the time to drain is over, and 500 to a tool that closes its server, on ${way}`, async () => {
    const { tool, started } = waiting();
    const { app } = appWith(tool, { isListed });
    const response = app.request('POST', call('tool'));
    await started;
    assert.equal(await app.drain(), 1);
    assert.equal((await response).status, 503);

    const closing = testApp(
      {},
      {
        createServer: () => {
          const supportedProtocolVersions = isListed ? LISTED : SUPPORTED_PROTOCOL_VERSIONS;
          const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions });
          server.registerTool('tool', {}, async () => {
            await server.close();
            return said('');
          });
          return server;
        },
      },
    );
    await assertRefused(await closing.request('POST', call('tool')), { status: 500, code: -32603, id: 'mine' });
  });
}

test('tells a server what went wrong with its answer', async () => {
  const errors: string[] = [];
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions: LISTED });
    server.server.onerror = (error) => void errors.push(error.message);
    server.registerTool('tool', {}, () => ({ content: [], structuredContent: { value: circle } }));
    return server;
  };
  await testApp({}, { createServer }).request('POST', call('tool'));
  assert.match(errors.join(), /circular/);
});

test('answers 500 to a call for which a server is handed out that was used before, and says so in the log', async () => {
  const server = new McpServer({ name: 'test', version: '1' }, { supportedProtocolVersions: LISTED });
  const { tool, started } = waiting();
  server.registerTool('tool', {}, async ({ mcpReq }) => said(String(await tool(mcpReq.signal))));
  const app = testApp({ MCP_DRAIN_SECONDS: '0' }, { createServer: () => server });
  const running = app.request('POST', call('tool'));
  await started;
  assert.equal((await app.request('POST', call('tool'))).status, 500);
  assert.ok(app.lines.some((line) => line.includes('used before')));
  // The call that was there first goes on.
  assert.equal(await app.drain(), 1);
  assert.equal((await running).status, 503);
});

test('answers 500 with -32603 when a server cannot be made', async () => {
  const app = testApp({}, { createServer: () => Promise.reject(new Error('no database')) });
  const response = await app.request('POST', call('tool'));
  const { id, error } = await answerOf(response);
  assert.deepEqual([response.status, id, error?.code], [500, 'mine', -32603]);
  assert.equal(app.lines.filter((line) => line.includes('no database')).length, 1);
});

test('serves a server without tools of its own registration', async () => {
  const createServer = () => {
    const options = { capabilities: { tools: {} }, supportedProtocolVersions: LISTED };
    const server = new Server({ name: 'low level', version: '1' }, options);
    server.setRequestHandler('tools/call', ({ params }) => said(params.name));
    return server;
  };
  const answer = await answerOf(await testApp({}, { createServer }).request('POST', call('any')));
  assert.equal(answer.result?.content?.[0]?.text, 'any');
});
