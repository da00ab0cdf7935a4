import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { openClient } from '../connection.ts';
import { createCallRequest, FIRST_ID } from '../requests.ts';
import { problemWith } from '../answers.ts';
import { problemWithTools, verify } from '../verify.ts';
import { createMcpServer } from '../../src/mcp-server.ts';
import { startListening } from '../../test/support/listening.ts';

async function startApp(t: TestContext, env: Record<string, string> = {}): Promise<number> {
  return (await startListening(t, env, { createServer: createMcpServer })).port;
}

async function startHttp(t: TestContext, handle: RequestListener): Promise<number> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

for (const subject of [SLUGIFY, SLUGIFY_BATCH]) {
  test(`this project passes in every era with ${subject.call.tool}`, async (t) => {
    const port = await startApp(t);
    await verify(port, 'session', subject);
    await verify(port, 'modern', subject);
    await verify(await startApp(t, { MCP_SESSIONS: 'stateless' }), 'stateless', subject);
  });
}

test('a client without its session does not pass', async (t) => {
  await assert.rejects(verify(await startApp(t, { MCP_SESSIONS: 'stateless' }), 'session', SLUGIFY), /no session id/);
});

test('a server that lacks a tool does not pass', async (t) => {
  await assert.rejects(verify(await startApp(t), 'modern', SLUGIFY, 100), /2 tools instead of 100/);
});

test('a floor that gives the same answer to everything does not pass', async (t) => {
  const port = await startHttp(t, (_, response) => {
    const { text, structuredContent } = SLUGIFY.expected;
    const result = { content: [{ type: 'text', text }], structuredContent };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
  });
  await assert.rejects(verify(port, 'floor', SLUGIFY), /not the answer to/);
});

test('a connection that breaks before the answer is an error, and one that is closed after it is replaced', async (t) => {
  let answered = 0;
  const port = await startHttp(t, (_, response) => {
    answered += 1;
    if (answered === 3) response.destroy();
    else response.writeHead(200, { connection: 'close', 'content-length': 0 }).end();
  });
  const { client, connection } = await openClient(port, 'floor');
  const request = createCallRequest(client, SLUGIFY.call);
  assert.equal((await connection.send(request(FIRST_ID))).status, 200);
  assert.equal((await connection.send(request(FIRST_ID))).status, 200);
  await assert.rejects(connection.send(request(FIRST_ID)));
});

test('the bytes of a call serve again under another id', async (t) => {
  const { client, connection } = await openClient(await startApp(t), 'session');
  t.after(() => connection.close());
  const request = createCallRequest(client, SLUGIFY_BATCH.call);
  for (const id of [FIRST_ID, 12_345_678, 99_999_999]) {
    assert.equal(problemWith(await connection.send(request(id)), id, SLUGIFY_BATCH.expected), undefined);
  }
});

test('a schema that takes less, or more, is another schema', () => {
  const text = { type: 'string', maxLength: 10_000 };
  const slugify = { name: 'slugify', inputSchema: { properties: { text }, required: ['text'] } };
  assert.match(problemWithTools({ tools: [slugify] }, 1) ?? '', /another separator/);
  assert.match(problemWithTools({ tools: [] }, 1) ?? '', /0 tools/);
  assert.match(problemWithTools(undefined, 1) ?? '', /0 tools/);
});
