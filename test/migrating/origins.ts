/**
 * Starts the servers that people come from, and the one that takes their place, and uses them with the same clients: what
 * docs/migrating.md says of both is so. They need packages from npm, so it is run on its own.
 */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { initializeRequest, JSON_HEADERS, LATEST_LEGACY, rpc } from '../support/app.ts';
import { connectHttp, type ClientKind, type HttpClient } from '../support/clients.ts';
import { freePort } from '../support/ports.ts';
import { PROJECT_ROOT, startHttpEntry, type HttpProcess } from '../support/process.ts';
import { checkTypes, copyServers, startBefore, type Origin } from './before.ts';
import { useWords } from './use-words.ts';

const TOKEN = '0a'.repeat(32);
const folder = await copyServers();
after(() => rm(folder, { recursive: true }));

/** What differs between the servers. */
interface Expected {
  start: (t: TestContext, port: number) => Promise<HttpProcess>;
  /** What a second v1 client hears when it counts one word, after the first has counted four; or why it cannot connect. */
  second: string | RegExp;
  /** The same for a client of 2026-07-28, which comes after the second. */
  modern: string | RegExp;
  /** How arguments that do not fit and a tool that does not exist are refused: in a result, or with a code. */
  refusals: [string | number, string | number];
  /** The status for a page of another site. */
  foreign: number;
  /** The status for a session that began before the process was restarted. Without sessions, their id is ignored. */
  restarted: number;
}

const before = (origin: string) => (t: TestContext, port: number) =>
  startBefore(t, { folder, origin, port, env: { TOKENS: `me:${TOKEN}` } });

const replacement =
  (env: Record<string, string> = {}) =>
  (t: TestContext, port: number) =>
    startHttpEntry(t, {
      entry: 'src/node/cli.ts',
      args: ['examples/migrating/words.ts'],
      env: { PORT: String(port), ...env },
    });

/** What the first version of the SDK says. */
const FIRST_SDK = {
  modern: /did not offer pinned protocol version 2026-07-28/,
  refusals: ['MCP error -32602', 'MCP error -32602'],
  foreign: 200,
} as const satisfies Partial<Expected>;
/** What the second version says. */
const refusals: Expected['refusals'] = ['Input validation error', -32602];

const SERVERS: Record<Origin | 'the replacement' | 'the replacement with tokens', Expected> = {
  'one-transport': {
    ...FIRST_SDK,
    start: before('one-transport'),
    second: /Server already initialized/,
    restarted: 400,
  },
  'transport-map': { ...FIRST_SDK, start: before('transport-map'), second: '1 words, 1 so far', restarted: 400 },
  'hono-mcp': { ...FIRST_SDK, start: before('hono-mcp'), second: '1 words, 5 so far', restarted: 200 },
  'mcp-handler': {
    start: before('mcp-handler'),
    second: '1 words, 5 so far',
    modern: '1 words, 6 so far',
    refusals,
    foreign: 200,
    restarted: 200,
  },
  fastmcp: {
    ...FIRST_SDK,
    start: before('fastmcp'),
    second: '1 words, 1 so far',
    refusals: [-32602, -32601],
    restarted: 404,
  },
  'the replacement': {
    start: replacement(),
    second: '1 words, 1 so far',
    modern:
      'There is no caller: callers are unauthenticated. Set MCP_AUTH_TOKENS or MCP_OAUTH_ISSUER, and use state.caller.',
    refusals,
    foreign: 403,
    restarted: 404,
  },
  'the replacement with tokens': {
    start: replacement({ MCP_AUTH_TOKENS: `me:${TOKEN}` }),
    second: '1 words, 1 so far',
    modern: '1 words, 1 so far',
    refusals,
    foreign: 403,
    restarted: 404,
  },
};

/** A client whose requests have the token, which servers without authorization ignore. */
function clientOf(t: TestContext, kind: ClientKind, url: string): Promise<HttpClient> {
  return connectHttp(t, kind, url, {
    fetch: (to, init) => {
      const request = new Request(to, init);
      request.headers.set('authorization', `Bearer ${TOKEN}`);
      return fetch(request);
    },
  });
}

/** Connects another client, which counts one word. */
async function countOne(t: TestContext, kind: ClientKind, url: string, expected: string | RegExp): Promise<void> {
  const connecting = clientOf(t, kind, url);
  if (expected instanceof RegExp) return assert.rejects(connecting, expected);
  const { content } = await (await connecting).call('count-words', { texts: ['five'] });
  assert.equal(content[0]?.text, expected);
}

/** How a call is refused: with the beginning of a result that is an error, or with a code. */
async function refusalOf(client: HttpClient, tool: string): Promise<unknown> {
  try {
    const { isError, content } = await client.call(tool, { texts: 'not a list' });
    assert.equal(isError, true);
    return content[0]?.text?.split(':')[0];
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** The status of a POST, in the session of a client if it has one. */
async function post(
  url: string,
  body: object,
  { client, ...headers }: { client?: HttpClient; origin?: string; authorization?: string; accept?: string },
): Promise<number> {
  const sessionId = client?.transport.sessionId;
  const session = { ...(sessionId && { 'mcp-session-id': sessionId }), 'mcp-protocol-version': LATEST_LEGACY };
  const all = { ...JSON_HEADERS, authorization: `Bearer ${TOKEN}`, ...(client && session), ...headers };
  const response = await fetch(url, { method: 'POST', headers: all, body: JSON.stringify(body) });
  await response.body?.cancel();
  return response.status;
}

async function end(server: HttpProcess): Promise<void> {
  server.signal('SIGKILL');
  await server.exit();
}

test('the servers that people come from have no type errors', () => checkTypes(folder));

for (const [name, expected] of Object.entries(SERVERS)) {
  test(name, async (t) => {
    const port = await freePort();
    const server = await expected.start(t, port);
    const { url } = server;
    const client = await clientOf(t, 'v1', url);
    await t.test('counts, reports progress, refuses, and remembers for a v1 client', () => useWords(client));

    await t.test('refuses wrong arguments and unknown tools', async () => {
      assert.equal(await refusalOf(client, 'count-words'), expected.refusals[0]);
      assert.equal(await refusalOf(client, 'no-such-tool'), expected.refusals[1]);
    });

    await t.test(`tells a second v1 client: ${expected.second}`, (tt) => countOne(tt, 'v1', url, expected.second));

    await t.test(`tells a client of 2026-07-28: ${expected.modern}`, (tt) =>
      countOne(tt, 'v2 pinned', url, expected.modern),
    );

    await t.test(`answers ${expected.foreign} to a page of another site`, async () => {
      const status = await post(url, rpc('tools/list'), { client, origin: 'https://evil.example' });
      assert.equal(status, expected.foreign);
    });

    await t.test(`answers ${expected.restarted} to its session once it was restarted`, async (tt) => {
      await end(server);
      const again = await expected.start(tt, port);
      assert.equal(await post(again.url, rpc('tools/list'), { client }), expected.restarted);
    });
  });
}

test('the replacement answers a client of 2026-07-28 as it does a v1 client', async (t) => {
  const { url } = await SERVERS['the replacement with tokens'].start(t, 0);
  await useWords(await clientOf(t, 'v2 pinned', url));
  await countOne(t, 'v2 auto', url, '1 words, 5 so far');
  assert.equal(await post(url, initializeRequest(), { authorization: 'Bearer wrong' }), 401);
});

test('a client of transport-map gets 404 from the replacement, and begins anew', async (t) => {
  const port = await freePort();
  const old = await SERVERS['transport-map'].start(t, port);
  const client = await clientOf(t, 'v1', old.url);
  const newer = await clientOf(t, 'v2 legacy', old.url);
  await end(old);
  const { url } = await SERVERS['the replacement'].start(t, port);
  assert.equal(await post(url, rpc('tools/list'), { client }), 404);
  await assert.rejects(client.listTools(), { code: 404 });
  await assert.rejects(newer.listTools(), { status: 404 });
  await countOne(t, 'v1', url, '1 words, 1 so far');
});

test('back on transport-map, sessions of the replacement get 400, and clients that negotiate speak 2025 again', async (t) => {
  const port = await freePort();
  const replaced = await SERVERS['the replacement'].start(t, port);
  const client = await clientOf(t, 'v1', replaced.url);
  await end(replaced);
  const { url } = await SERVERS['transport-map'].start(t, port);
  assert.equal(await post(url, rpc('tools/list'), { client }), 400);
  const negotiating = await clientOf(t, 'v2 auto', url);
  assert.equal(negotiating.era, 'legacy');
  await useWords(negotiating);
});

test('mcp-handler answers 405 to GET, and 406 to a client that accepts only JSON, unlike the replacement', async (t) => {
  const { url } = await SERVERS['mcp-handler'].start(t, await freePort());
  assert.equal((await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })).status, 405);
  const accept = 'application/json';
  assert.equal(await post(url, initializeRequest(), { accept }), 406);
  const replaced = await SERVERS['the replacement'].start(t, 0);
  assert.equal(await post(replaced.url, initializeRequest(), { accept }), 200);
});

test('with the line in docs/migrating.md, transport-map answers 404 to a session that it does not know', async (t) => {
  const docs = await readFile(join(PROJECT_ROOT, 'docs', 'migrating.md'), 'utf8');
  const [, line = ''] = /^```ts\n *(else .*)$/m.exec(docs) ?? [];
  const source = await readFile(join(folder, 'transport-map.ts'), 'utf8');
  const changed = source.replace(/else response\.status\(400\).*/, line);
  assert.notEqual(changed, source);
  await writeFile(join(folder, 'transport-map-404.ts'), changed);
  const { url } = await before('transport-map-404')(t, await freePort());
  const client = await clientOf(t, 'v1', url);
  await client.listTools();
  await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': client.transport.sessionId ?? '' } });
  assert.equal(await post(url, rpc('tools/list'), { client }), 404);
  assert.equal(await post(url, rpc('tools/list'), {}), 400);
});
