/** What a server made for sessions does when this project hosts it, and what the same server does once it is made for both eras. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ElicitResult } from '@modelcontextprotocol/client';
import * as bothEras from '../../examples/migrating/both-eras.ts';
import * as sessionsOnly from '../../examples/migrating/sessions-only.ts';
import { modernRequest, testApp } from '../support/app.ts';
import { connectHttp, type ClientKind, type HttpClient } from '../support/clients.ts';
import { startListening } from '../support/listening.ts';

const SERVERS = { 'sessions-only.ts': sessionsOnly, 'both-eras.ts': bothEras };
type ServerName = keyof typeof SERVERS;

const ADA = { issuer: 'test', subject: 'ada', client: 'test' };
const URI = 'words://total';
const UPDATED = 'notifications/resources/updated';

/** A client of an app that knows its caller, and what its user was asked. */
async function clientOf(t: TestContext, name: ServerName, kind: ClientKind, env: Record<string, string> = {}) {
  const authenticate = async () => ({ principal: ADA });
  const { url } = await startListening(t, env, { createServer: SERVERS[name].createMcpServer, authenticate });
  const asked: string[] = [];
  const elicit = (message: string): ElicitResult => {
    asked.push(message);
    return { action: 'accept', content: { sure: true } };
  };
  return { client: await connectHttp(t, kind, url, { elicit }), asked };
}

const answerOf = async (client: HttpClient, tool: string, args = {}) =>
  (await client.call(tool, args)).content[0]?.text;

/** Counts, follows the count, and forgets it. */
async function useAll({ client, asked }: Awaited<ReturnType<typeof clientOf>>): Promise<void> {
  await client.follow(URI);
  assert.equal(await answerOf(client, 'count-words', { text: 'one two' }), '2 words so far');
  await client.heard.next(UPDATED, { uri: URI });
  assert.equal(await answerOf(client, 'count-words', { text: 'three' }), '3 words so far');
  await client.heard.next(UPDATED, { uri: URI });
  assert.equal(await client.read(URI), '3');
  assert.equal(await answerOf(client, 'reset'), 'Forgot 3 words.');
  assert.deepEqual(asked, ['Forget 3 words?']);
  await client.heard.next(UPDATED, { uri: URI });
  assert.equal(await client.read(URI), '0');
}

const KEEPS_SERVERS = { MCP_MAX_LIVE_SESSIONS: '100' };
const DROPS_SERVERS = { MCP_MAX_LIVE_SESSIONS: '0' };

for (const kind of ['v1', 'v2 legacy'] as const) {
  for (const name of Object.keys(SERVERS) as ServerName[]) {
    test(`${name}: a ${kind} client is told, asked and remembered in its session`, async (t) => {
      await useAll(await clientOf(t, name, kind, KEEPS_SERVERS));
    });
  }

  test(`sessions-only.ts: forgets a ${kind} client when the server of its session is dropped`, async (t) => {
    const { client } = await clientOf(t, 'sessions-only.ts', kind, DROPS_SERVERS);
    assert.equal(await answerOf(client, 'count-words', { text: 'one two' }), '2 words so far');
    assert.equal(await answerOf(client, 'count-words', { text: 'three' }), '1 words so far');
  });

  test(`both-eras.ts: remembers a ${kind} client when the server of its session is dropped`, async (t) => {
    await useAll(await clientOf(t, 'both-eras.ts', kind, DROPS_SERVERS));
  });
}

test('sessions-only.ts: remembers nothing for a client of 2026-07-28, and cannot ask or tell it', async (t) => {
  const { client, asked } = await clientOf(t, 'sessions-only.ts', 'v2 pinned');
  await client.follow(URI);
  assert.equal(await answerOf(client, 'count-words', { text: 'one two' }), '2 words so far');
  assert.equal(await answerOf(client, 'count-words', { text: 'three' }), '1 words so far');
  assert.equal(await client.read(URI), '0');
  const reset = await client.call('reset');
  assert.equal(reset.isError, true);
  assert.match(reset.content[0]?.text ?? '', /elicitation/);
  assert.deepEqual(asked, []);
  assert.equal(client.heard.left(UPDATED), 0);
});

for (const kind of ['v2 auto', 'v2 pinned'] as const) {
  test(`both-eras.ts: a ${kind} client is told, asked and remembered as in a session`, async (t) => {
    await useAll(await clientOf(t, 'both-eras.ts', kind));
  });
}

test('both-eras.ts: forgets nothing if there are more words by now than the user was shown', async () => {
  const authenticate = async () => ({ principal: ADA });
  const app = testApp({}, { createServer: bothEras.createMcpServer, authenticate });
  const call = async (name: string, args = {}, more = {}) => {
    const capabilities = { elicitation: { form: {} } };
    const request = modernRequest('tools/call', { name, arguments: args, ...more }, { capabilities });
    const { result } = (await (await app.request('POST', request)).json()) as { result: Record<string, unknown> };
    return result;
  };
  await call('count-words', { text: 'one two' });
  const { requestState } = await call('reset');
  await call('count-words', { text: 'three' });
  const inputResponses = { confirmation: { action: 'accept', content: { sure: true } } };
  const { content } = await call('reset', {}, { inputResponses, requestState });
  assert.deepEqual(content, [{ type: 'text', text: 'There are 3 words by now.' }]);
});
