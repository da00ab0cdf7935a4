/**
 * A client goes through everything that shapes a session. Between any two of its steps the live session goes
 * away: dropped from memory, or with its whole process. What the client sees must not differ.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { McpServer } from '@modelcontextprotocol/server';
import {
  answerOf,
  messagesIn,
  initializeRequest,
  JSON_HEADERS,
  LATEST_LEGACY,
  openSession,
  readStream,
  rpc,
  sessionOf,
  type LegacySession,
  type StreamReader,
  type TestApp,
} from '../support/app.ts';
import { fixture, touchSubscribed, type Tool } from '../support/fixture.ts';
import { sessionApp, type SessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const QUESTION = {
  message: 'Which colour?',
  requestedSchema: { type: 'object' as const, properties: { colour: { type: 'string' as const } } },
};

const TOOLS: Record<string, Tool> = {
  whoami: ({ server: { server } }) => ({
    capabilities: server.getClientCapabilities(),
    client: server.getClientVersion(),
    version: server.getNegotiatedProtocolVersion(),
  }),
  log: async ({ context: { mcpReq } }) => {
    for (const level of ['debug', 'info', 'warning', 'error'] as const) await mcpReq.log(level, `a ${level}`);
  },
  ask: ({ server, context }) => server.server.elicitInput(QUESTION, { relatedRequestId: context.mcpReq.id }),
  touch: async ({ server, context }) => {
    await touchSubscribed(server);
    await server.sendLoggingMessage({ level: 'info', data: 'too low' }, context.sessionId);
    await server.sendLoggingMessage({ level: 'error', data: 'high enough' }, context.sessionId);
  },
};

/** A client and what it knows. */
interface Client {
  app: TestApp;
  id: string;
  getStream: StreamReader | undefined;
  lastEventId: string | undefined;
  /** Ids of the server's requests: no two may be the same in one session (2025-11-25, basic, "Requests"). */
  serverRequestIds: unknown[];
}

/** Each step returns what the client sees, without what may differ from one run to another. */
const STEPS: Record<string, (client: Client) => Promise<unknown>> = {
  initialize: async (client) => {
    const body = initializeRequest({ elicitation: { form: {} }, roots: { listChanged: true } });
    const response = await client.app.request('POST', { headers: JSON_HEADERS, body });
    client.id = response.headers.get('mcp-session-id') ?? '';
    return [response.status, (await answerOf(response)).result];
  },
  initialized: async (client) =>
    (await sessionOfClient(client).post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status,
  setLevel: (client) => ask(client, 'logging/setLevel', { level: 'error' }),
  'setLevel again': (client) => ask(client, 'logging/setLevel', { level: 'warning' }),
  subscribe: (client) => ask(client, 'resources/subscribe', { uri: 'urn:one' }),
  'subscribe again': (client) => ask(client, 'resources/subscribe', { uri: 'urn:two' }),
  'subscribe in vain': (client) => ask(client, 'resources/subscribe', { uri: 'refused:three' }),
  unsubscribe: (client) => ask(client, 'resources/unsubscribe', { uri: 'urn:one' }),
  call: (client) => call(client, 'whoami'),
  'call that logs': (client) => call(client, 'log'),
  'call that asks': (client) => answering(client),
  GET: async (client) => {
    const response = await sessionOfClient(client).get();
    client.getStream = readStream(response);
    const { id, retry, message } = await client.getStream.next();
    client.lastEventId = id;
    return [response.status, retry, message];
  },
  'call that notifies': async (client) => [await call(client, 'touch'), await heard(client), await heard(client)],
  'break of the GET stream': async (client) => {
    await client.getStream?.cancel();
    client.getStream = undefined;
    await settled();
  },
  'call that nobody hears': (client) => call(client, 'touch'),
  resume: async (client) => {
    const response = await sessionOfClient(client).get(client.lastEventId);
    client.getStream = readStream(response);
    return [response.status, await heard(client), await heard(client)];
  },
  'call that asks again': (client) => answering(client),
  'call that notifies again': async (client) => [await call(client, 'touch'), await heard(client), await heard(client)],
};
const NAMES = Object.keys(STEPS);

type Interruption = (context: SessionApp, client: Client) => Promise<void>;
const INTERRUPTIONS: Record<string, Interruption> = {
  'is dropped from memory': async ({ clock, servers }, client) => {
    await pass(clock, 75_000);
    // With an open stream it stays, as it must.
    assert.equal(servers.open, client.getStream ? 1 : 0);
  },
  'ends with its process': async ({ another, servers }, client) => {
    await client.app.drain();
    assert.equal(servers.open, 0);
    client.app = another();
  },
};

for (const [what, interrupt] of Object.entries(INTERRUPTIONS)) {
  describe(`a session that ${what}`, () => {
    for (const [index, name] of NAMES.entries()) {
      const next = NAMES[index + 1];
      if (next === undefined) continue;
      test(`between ${name} and ${next} is the same for its client`, async () => {
        assert.deepEqual(await run({ [name]: interrupt }), await run({}));
      });
    }

    test('between any two steps is the same for its client', async () => {
      assert.deepEqual(await run(Object.fromEntries(NAMES.map((name) => [name, interrupt]))), await run({}));
    });
  });
}

test('a client that is interrupted nowhere sees what the steps are for', async () => {
  const seen = JSON.stringify(await run({}));
  const told = ['\\"elicitation\\":{\\"form\\":{}}', 'a warning', 'a error', 'blue', 'urn:two', 'high enough'];
  for (const part of told) assert.ok(seen.includes(part), part);
  for (const part of ['a info', 'too low', '"uri":"urn:one"']) assert.ok(!seen.includes(part), part);
});

test('a session of an older revision keeps its version', async () => {
  const context = sessionApp(TOOLS);
  const body = initializeRequest({}, '2025-03-26');
  const opened = await context.app.request('POST', { headers: JSON_HEADERS, body });
  const id = opened.headers.get('mcp-session-id') ?? '';
  const session = sessionOf(context.another(), id, { 'mcp-protocol-version': '2025-03-26' });
  assert.match((await session.call('whoami', {})).result?.content?.[0]?.text ?? '', /"version":"2025-03-26"/);
});

test('a server hears of initialized once it was said, and not before', async () => {
  const heardBy = new Map<McpServer, number>();
  const { createServer } = fixture({ heard: ({ server }) => heardBy.get(server) ?? 0 }, (server) => {
    server.server.oninitialized = () => heardBy.set(server, (heardBy.get(server) ?? 0) + 1);
  });
  const { app, another } = sessionApp({}, {}, { createServer });
  const opened = await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() });
  const onNewNode = () => sessionOf(another(), opened.headers.get('mcp-session-id') ?? '');
  const heardThere = async () => (await onNewNode().call('heard', {})).result?.content?.[0]?.text;
  assert.equal(await heardThere(), '0');
  await onNewNode().post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  assert.equal(await heardThere(), '1');
});

test('what a server says during the repeated handshake is not said to the client again', async () => {
  const { createServer } = fixture({ one: () => 1 }, ({ server }) => {
    server.oninitialized = () => void server.sendToolListChanged().catch(() => {});
  });
  const { app, another, eventLog } = sessionApp({}, {}, { createServer });
  const session = await openSession(app);
  const { id = '' } = await readStream(await session.get()).next();
  await app.drain();
  await sessionOf(another(), session.id).call('one', {});
  await settled();
  assert.deepEqual((await eventLog.after(session.id, id))?.events, []);
});

test('a server that asks its client during the repeated handshake neither asks again nor cancels', async () => {
  const refused: unknown[] = [];
  const { createServer } = fixture({ one: () => 1 }, ({ server }) => {
    server.oninitialized = () => void server.listRoots().catch((error: unknown) => refused.push(error));
  });
  const { app, another } = sessionApp({}, {}, { createServer });
  const session = await openSession(app, {}, { roots: {} });
  const stream = readStream(await session.get());
  const { message } = await stream.next();
  assert.equal(message?.['method'], 'roots/list');
  await app.drain();
  const there = sessionOf(another(), session.id);
  const again = readStream(await there.get());
  await there.call('one', {});
  await settled();
  assert.match(String(refused.at(-1)), /not repeated while a session is restored/);
  assert.deepEqual(messagesIn(again.text), []);
});

/** Goes through all steps, with an interruption after those named. */
async function run(interruptions: Record<string, Interruption>): Promise<unknown[]> {
  const context = sessionApp(TOOLS, { MCP_MAX_LIVE_SESSIONS: '1', MCP_LIVE_IDLE_SECONDS: '60' });
  const client: Client = {
    app: context.app,
    id: '',
    getStream: undefined,
    lastEventId: undefined,
    serverRequestIds: [],
  };
  const seen: unknown[] = [];
  for (const [name, step] of Object.entries(STEPS)) {
    seen.push([name, await step(client)]);
    await interruptions[name]?.(context, client);
  }
  assert.equal(client.serverRequestIds.length, 2);
  assert.equal(new Set(client.serverRequestIds).size, 2, `ids used twice: ${client.serverRequestIds.join()}`);
  return seen;
}

function sessionOfClient({ app, id }: Client): LegacySession {
  return sessionOf(app, id, { 'mcp-protocol-version': LATEST_LEGACY });
}

/** Sends a request; its id is the same in every run. */
async function ask(client: Client, method: string, params: Record<string, unknown>): Promise<unknown> {
  const response = await sessionOfClient(client).post(rpc(method, params, `${method} ${JSON.stringify(params)}`));
  return [response.status, response.headers.get('content-type'), messagesIn(await response.text())];
}

function call(client: Client, name: string): Promise<unknown> {
  return ask(client, 'tools/call', { name, arguments: {} });
}

/** Calls a tool that asks the user, and answers. */
async function answering(client: Client): Promise<unknown> {
  const session = sessionOfClient(client);
  const stream = readStream(await session.post(rpc('tools/call', { name: 'ask', arguments: {} }, 'ask')));
  const seen: unknown[] = [];
  for (;;) {
    const { message } = await stream.next();
    if (message?.['method'] !== 'elicitation/create') {
      seen.push(message);
      if (message?.['id'] === 'ask') return seen;
      continue;
    }
    seen.push(message['params']);
    client.serverRequestIds.push(message['id']);
    const result = { action: 'accept', content: { colour: 'blue' } };
    seen.push((await session.post({ jsonrpc: '2.0', id: message['id'], result })).status);
  }
}

/** The next message on the GET stream, which the client resumes when it ends. */
async function heard(client: Client): Promise<unknown> {
  for (;;) {
    try {
      const event = await client.getStream?.next();
      client.lastEventId = event?.id ?? client.lastEventId;
      if (event?.message) return event.message;
    } catch {
      const response = await sessionOfClient(client).get(client.lastEventId);
      assert.equal(response.status, 200);
      client.getStream = readStream(response);
    }
  }
}
