import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { callSteadily } from '../bystander-calls.ts';
import { SLUGIFY } from '../calls.ts';
import { answersText, callCells } from '../runs/bystander.ts';

async function startHttp(t: TestContext, handle: RequestListener): Promise<number> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const { text, structuredContent } = SLUGIFY.expected;
const rightAnswer = (id: unknown) =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }], structuredContent } });

/** A server that answers rightly as long as `before` lets it. */
function startAnswering(t: TestContext, before: (id: number) => Promise<number | undefined>): Promise<number> {
  return startHttp(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number };
    const status = (await before(id)) ?? 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? rightAnswer(id) : '{}');
  });
}

test('every call of a bystander has an id of its own, also when it waits for none of the answers', async (t) => {
  const ids = new Set<number>();
  let release: (() => void) | undefined;
  const all = new Promise<void>((resolve) => (release = resolve));
  const port = await startAnswering(t, async (id) => {
    if (ids.add(id).size === 20) release?.();
    await all;
    return undefined;
  });
  const { times, failures } = await callSteadily({ port, era: 'floor' }, 20, 1000);
  assert.deepEqual([ids.size, times.length, failures.size], [20, 20, 0]);
});

test('refused calls are failures and have no time', async (t) => {
  const port = await startAnswering(t, async (id) => (id % 2 === 0 ? 429 : undefined));
  const { times, failures } = await callSteadily({ port, era: 'floor' }, 10, 1000);
  assert.deepEqual([times.length, [...failures]], [5, [['status 429', 5]]]);
});

test('a server that cuts connections off fails the calls', async (t) => {
  const port = await startHttp(t, (request) => void request.socket.destroy());
  const { failures } = await callSteadily({ port, era: 'floor' }, 3, 1000);
  assert.deepEqual([...failures], [['cut off', 3]]);
});

test('a row has no percentiles where most calls have failed', () => {
  assert.deepEqual(callCells({ times: [1, 2, 3], failures: new Map() }), ['2.00', '3.00', '0']);
  assert.deepEqual(callCells({ times: [1], failures: new Map([['cut off', 9]]) }), ['–', '–', '9 × cut off']);
});

test('what a flood got is listed with the most frequent first', () => {
  assert.equal(answersText({ 200: 600, 429: 41_000 }), '41,000 × 429, 600 × 200');
  assert.equal(answersText({}), 'nothing');
});
