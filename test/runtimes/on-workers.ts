/**
 * What only Cloudflare Workers have: timers and promises that end with their request, and settings that come with it. Runs on
 * workerd, and is therefore not part of `npm test`.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { answerOf, JSON_HEADERS, modernRequest, rpc } from '../support/app.ts';
import { assertRefused } from '../support/refusal.ts';
import { remoteApp } from '../support/remote.ts';
import { startWorker } from './workerd.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const BEARER = { authorization: `Bearer ${TOKEN}` };
const SAFE = { MCP_AUTH_TOKENS: `ci:${TOKEN}` };
const LEGACY = { ...JSON_HEADERS, ...BEARER };
const LISTEN = { notifications: { toolsListChanged: true } };

/** A server with a tool that answers at once, one that takes a while, and one that ends only when its call does. */
const ENTRY = `
import { McpServer } from '@modelcontextprotocol/server';
import { createFetchHandler } from './src/edge/fetch-handler.ts';

const answer = { content: [{ type: 'text', text: 'done' }] };
export default createFetchHandler(() => {
  const server = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.registerTool('fast', {}, () => answer);
  server.registerTool('slow', {}, () => new Promise((resolve) => setTimeout(resolve, 500, answer)));
  server.registerTool('endless', {}, ({ mcpReq }) => new Promise((resolve) => {
    mcpReq.signal.addEventListener('abort', () => resolve(answer));
  }));
  return server;
});
`;

/** Leaves a request as a client does whose connection breaks: Cloudflare ends it then, while workerd by itself does not notice. */
const LEAVING_FRONT = `
export default {
  async fetch(request, env) {
    if (!request.headers.has('x-leave')) return env.SERVER.fetch(request);
    const client = new AbortController();
    const answer = env.SERVER.fetch(new Request(request, { signal: client.signal }));
    await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 300))]).catch(() => {});
    client.abort();
    await answer.catch(() => {});
    return new Response('left');
  },
};
`;

async function start(t: TestContext, env: Record<string, string> = {}, front?: string) {
  const { url, process } = await startWorker(t, { env: { ...SAFE, ...env }, entry: ENTRY, ...(front && { front }) });
  const { request } = remoteApp(url);
  const callOf = (era: 'legacy' | 'modern', name: string, headers: Record<string, string> = {}) => {
    const params = { name, arguments: {} };
    if (era === 'legacy') return { headers: { ...LEGACY, ...headers }, body: rpc('tools/call', params) };
    return modernRequest('tools/call', params, { headers: { ...BEARER, ...headers } });
  };
  return {
    request,
    process,
    call: (...how: Parameters<typeof callOf>) => request('POST', callOf(...how)),
  };
}

test('streams a call of the 2025 revisions that takes longer than its first requests, whose timers are gone', async (t) => {
  const { call } = await start(t);
  await (await call('legacy', 'fast')).text();
  for (let index = 0; index < 2; index += 1) {
    const response = await call('legacy', 'slow');
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal((await answerOf(response)).result?.content?.[0]?.text, 'done');
  }
});

for (const era of ['legacy', 'modern'] as const) {
  test(`cuts off a ${era} call at MCP_CALL_TIMEOUT_SECONDS, also after requests whose timers are gone`, async (t) => {
    const { call } = await start(t, { MCP_CALL_TIMEOUT_SECONDS: '1' });
    await (await call(era, 'fast')).text();
    for (let index = 0; index < 2; index += 1) {
      const { error } = await answerOf(await call(era, 'endless'));
      assert.match(error?.message ?? '', /MCP_CALL_TIMEOUT_SECONDS/);
    }
  });

  test(`does not count a ${era} call as running whose client has left`, async (t) => {
    const { call } = await start(t, { MCP_MAX_CALLS_PER_PRINCIPAL: '1' }, LEAVING_FRONT);
    for (const tool of ['endless', 'slow', 'endless']) {
      assert.equal(await (await call(era, tool, { 'x-leave': 'yes' })).text(), 'left');
      const next = await call(era, 'fast');
      assert.equal(next.status, 200, `after ${tool}`);
      await next.text();
    }
  });
}

test('does not count a modern call as running whose client has left after the first comment', async (t) => {
  const env = { MCP_MAX_CALLS_PER_PRINCIPAL: '1', MCP_KEEP_ALIVE_SECONDS: '1' };
  const leaveLater = LEAVING_FRONT.replace('setTimeout(resolve, 300)', 'setTimeout(resolve, 1300)').replace(
    'Promise.race([answer, ',
    'Promise.race([',
  );
  const { call } = await start(t, env, leaveLater);
  for (let index = 0; index < 2; index += 1) {
    assert.equal(await (await call('modern', 'endless', { 'x-leave': 'yes' })).text(), 'left');
    assert.equal((await call('modern', 'fast')).status, 200);
  }
});

test('keeps a subscription open by comments, and frees its place when the client has left', async (t) => {
  const env = { MCP_KEEP_ALIVE_SECONDS: '1', MCP_MAX_SESSIONS_PER_PRINCIPAL: '1' };
  const { request } = await start(t, env, LEAVING_FRONT);
  const listen = (headers: Record<string, string> = {}) =>
    request('POST', modernRequest('subscriptions/listen', LISTEN, { headers: { ...BEARER, ...headers } }));
  for (let index = 0; index < 2; index += 1) assert.equal(await (await listen({ 'x-leave': 'yes' })).text(), 'left');
  const response = await listen();
  assert.equal(response.status, 200);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (!text.includes(': keepalive')) text += decoder.decode((await reader?.read())?.value);
  assert.match(text, /acknowledged/);
  await reader?.cancel();
});

test('answers 500 without a reason if a variable is wrong, and logs the reason', async (t) => {
  const { call, process } = await start(t, { MCP_SESSIONS: 'stateful' });
  for (let index = 0; index < 2; index += 1) {
    const message = await assertRefused(await call('modern', 'fast'), { status: 500, code: -32603 });
    assert.equal(message, 'Internal error');
  }
  await process.stderrMatch(/MCP_SESSIONS=stateful is impossible on Cloudflare Workers/);
});
