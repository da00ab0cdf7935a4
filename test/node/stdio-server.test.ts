import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { createMcpServer } from '../../src/mcp-server.ts';
import { gate, initializeRequest, modernRequest, rpc, type RpcAnswer } from '../support/app.ts';
import { startEntry, type EntryProcess } from '../support/process.ts';
import { settled } from '../support/time.ts';
import { watchText } from '../support/watch.ts';

const ENTRY = 'src/stdio-server.ts';
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' };

/** What the clients of an era send before anything else, and their form of a request. */
const ERAS = {
  2025: { opening: [initializeRequest(), INITIALIZED], request: rpc },
  2026: {
    opening: [modernRequest('server/discover').body],
    request: (method: string, params?: Record<string, unknown>) => modernRequest(method, params).body,
  },
};

/** The server's stdin and stdout, in lines. */
interface Wire {
  /** Sends a message, or a string as it is. */
  send: (message: unknown) => void;
  /** Waits for `pattern` on stdout. */
  match: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** Waits for the line that answers a request. */
  answer: (request: { id: string | number }) => Promise<RpcAnswer>;
  /** Every line so far; throws when one is not JSON. */
  messages: () => Record<string, unknown>[];
}

function createWire(writeLine: (line: string) => void, match: Wire['match'], stdout: () => string): Wire {
  return {
    send: (message) => writeLine(typeof message === 'string' ? message : JSON.stringify(message)),
    match,
    async answer({ id }) {
      const [line] = await match(new RegExp(`^.*"id":${id}[,}].*\n`, 'm'));
      return JSON.parse(line) as RpcAnswer;
    },
    messages() {
      assert.equal(stdout().at(-1), '\n');
      const lines = stdout().slice(0, -1).split('\n');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

function wireTo(server: EntryProcess): Wire {
  return createWire(
    (line) => server.writeLine(line),
    (pattern) => server.stdoutMatch(pattern),
    () => server.stdout,
  );
}

/** The server of the entry in this process, whose batches wait for `gateOpened` between two steps. */
function wireInProcess(t: TestContext, gateOpened: Promise<void>): Wire {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const output = watchText(stdout);
  const connection = serveStdio(() => createMcpServer({ pause: () => gateOpened }), {
    transport: new StdioServerTransport(stdin, stdout),
  });
  t.after(() => connection.close());
  return createWire(
    (line) => void stdin.write(`${line}\n`),
    (pattern) => output.match(pattern),
    () => output.text,
  );
}

for (const [era, { opening, request }] of Object.entries(ERAS)) {
  test(`speaks nothing but JSON-RPC of ${era} on stdout and ends with code 0 when stdin ends`, async (t) => {
    const server = startEntry(t, ENTRY);
    const wire = wireTo(server);
    for (const message of opening) wire.send(message);
    wire.send('this is no JSON');
    wire.send({ neither: 'request nor response' });
    const requests = [
      request('tools/list'),
      request('tools/call', { name: 'slugify', arguments: { text: 'Hello World' } }),
      request('tools/call', {
        name: 'slugify-batch',
        arguments: { titles: ['a', 'a'] },
        _meta: { progressToken: 'token' },
      }),
      request('no/such/method'),
    ];
    for (const message of requests) wire.send(message);
    const [list, slug, batch, unknown] = await Promise.all(requests.map((message) => wire.answer(message)));
    assert.ok(list?.result && 'tools' in list.result);
    assert.deepEqual(slug?.result?.structuredContent, { slug: 'hello-world' });
    assert.deepEqual(batch?.result?.structuredContent, { slugs: ['a', 'a-2'] });
    assert.equal(unknown?.error?.code, -32601);

    server.endStdin();
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    const messages = wire.messages();
    assert.ok(messages.every(({ jsonrpc }) => jsonrpc === '2.0'));
    const progress = messages.filter(({ method }) => method === 'notifications/progress');
    assert.deepEqual(
      progress.map(({ params }) => params),
      [1, 2].map((done) => ({ progressToken: 'token', progress: done, total: 2 })),
    );
    // One answer each, and none to what was no request.
    assert.equal(messages.length - progress.length, requests.length + 1);
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`ends with code 0 on ${signal} while stdin is open`, async (t) => {
    const server = startEntry(t, ENTRY);
    const wire = wireTo(server);
    const opening = initializeRequest();
    wire.send(opening);
    await wire.answer(opening);

    server.signal(signal);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
  });
}

for (const [era, { opening, request }] of Object.entries(ERAS)) {
  test(`stops a batch that a client of ${era} cancels, without an answer to it, and goes on`, async (t) => {
    const { opened, open } = gate();
    const wire = wireInProcess(t, opened);
    for (const message of opening) wire.send(message);
    const batch = request('tools/call', {
      name: 'slugify-batch',
      arguments: { titles: ['a', 'b'] },
      _meta: { progressToken: 'token' },
    });
    wire.send(batch);
    await wire.match(/"progress":1,/);
    const before = wire.messages().length;

    wire.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: batch.id } });
    await settled();
    open();
    await settled();
    const call = request('tools/call', { name: 'slugify', arguments: { text: 'Hello World' } });
    wire.send(call);
    const answer = await wire.answer(call);
    assert.deepEqual(answer.result?.structuredContent, { slug: 'hello-world' });
    assert.deepEqual(wire.messages().slice(before), [answer]);
  });
}
