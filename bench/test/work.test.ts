import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCallRequest, FIRST_ID } from '../requests.ts';
import { requestOf } from '../runs/check.ts';
import { nextMessage, startModule, stopProcess } from '../processes.ts';
import { problemWithList, problemWithWork, workCalls } from '../work-calls.ts';

const [search, cart, checkout] = workCalls(7);
const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json';
const answer = (result: unknown, id = 5) => ({
  status: 200,
  head,
  body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })),
});
const told = (value: unknown) => answer({ content: [{ type: 'text', text: JSON.stringify(value) }] });
const ten = Array.from({ length: 10 });

test('the answers of the work are checked', () => {
  assert.ok(search && cart && checkout);
  const found = { total_found: 2251, products: ten, top10_popular_ids: ten };
  assert.equal(problemWithWork(told(found), 5, search.isRight), undefined);
  assert.match(problemWithWork(told({ ...found, total_found: 2250 }), 5, search.isRight) ?? '', /wrong result/);
  assert.equal(
    problemWithWork(told({ cart: { items: [1] }, recent_history: ten.slice(5) }), 5, cart.isRight),
    undefined,
  );
  assert.match(
    problemWithWork(told({ cart: { items: [] }, recent_history: ten }), 5, cart.isRight) ?? '',
    /wrong result/,
  );
  assert.equal(
    problemWithWork(told({ status: 'confirmed', total: 1, items_count: 2 }), 5, checkout.isRight),
    undefined,
  );
  assert.match(problemWithWork(told({ status: 'confirmed', total: 0 }), 5, checkout.isRight) ?? '', /wrong result/);
});

test('an answer to another call, an error and a refusal are no results', () => {
  assert.ok(search);
  assert.match(problemWithWork(told({}), 6, search.isRight) ?? '', /no result/);
  assert.match(problemWithWork({ ...told({}), status: 429 }, 5, search.isRight) ?? '', /status 429/);
  const failed = answer({ content: [{ type: 'text', text: '{}' }], isError: true });
  assert.match(problemWithWork(failed, 5, search.isRight) ?? '', /no result/);
});

test('a list of tools must have the three', () => {
  const tools = workCalls(1).map(({ call }) => ({ name: call.tool }));
  assert.equal(problemWithList(answer({ tools }), 5), undefined);
  assert.match(problemWithList(answer({ tools: tools.slice(1) }), 5) ?? '', /not all tools/);
});

test('the service has the products that the search is checked for, and calculates', async (t) => {
  const service = startModule('bench/work-service.mjs', []);
  t.after(() => stopProcess(service));
  const { port } = await nextMessage<{ port: number }>(service);
  const ask = async (path: string, init?: RequestInit) => {
    return (await (await fetch(`http://127.0.0.1:${port}${path}`, init)).json()) as Record<string, unknown>;
  };
  const found = await ask('/products/search?category=Electronics&min_price=50&max_price=500&limit=10');
  assert.deepEqual([found['total_found'], (found['products'] as unknown[]).length], [2251, 10]);
  const { id, price } = await ask('/products/42');
  assert.deepEqual([id, price], [42, 1.41]);
  const body = JSON.stringify({ user_id: 'user-00001', items: [{ product_id: 42, quantity: 2 }] });
  // Twice 1.41, with tax and shipping.
  assert.equal((await ask('/cart/calculate', { method: 'POST', body }))['total'], 9.05);
});

test('autocannon gets the headers and the body of the call, with a place for its ids', () => {
  const client = { port: 1, era: 'session', sessionId: 's-1', version: '2025-11-25' } as const;
  const { headers, body } = requestOf(client);
  assert.deepEqual(Object.keys(headers), ['Accept', 'Content-Type', 'MCP-Protocol-Version', 'Mcp-Session-Id']);
  const own = createCallRequest(client, { tool: 'slugify', args: {} })(FIRST_ID).toString();
  assert.ok(own.includes(`Mcp-Session-Id: ${headers['Mcp-Session-Id']}`));
  assert.equal((JSON.parse(body) as { id: unknown }).id, '[<id>]');
});
