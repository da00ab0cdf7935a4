import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import type { ServerCard } from '../../src/card/server-card.ts';
import type { CreateServer } from '../../src/tools.ts';
import { testApp } from '../support/app.ts';
import { CARD } from '../support/registry-schemas.ts';
import { createTestServer } from '../support/test-server.ts';

const PATH = '/mcp/server-card';
const TOKENS = { MCP_AUTH_TOKENS: `alice:${'a'.repeat(64)}` };
const PUBLIC = { MCP_PUBLIC_URL: 'https://mcp.example.com/mcp', ...TOKENS };
const HOST = { host: 'mcp.example.com' };

const cardIn = async (response: Response) => CARD.parse(await response.json()) as ServerCard;

/** Requests the card of an app with these settings. */
function ask(env: Record<string, string>, headers: Record<string, string> = {}, method = 'GET', path = PATH) {
  return testApp(env).request(method, { path, headers });
}

test('answers 200 with a valid card that says who the server is and where', async () => {
  const response = await ask({});
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/mcp-server-card+json');
  assert.equal(response.headers.get('cache-control'), 'public, max-age=3600');
  const { name, version, remotes } = await cardIn(response);
  assert.deepEqual([name, version], ['localhost/test-server', '1.0.0']);
  assert.equal(remotes[0]?.url, 'http://127.0.0.1:3000/mcp');
});

test('names the URL in the settings, whatever the request was sent to, and needs no token', async () => {
  for (const headers of [HOST, { host: 'localhost:3000', 'x-forwarded-host': 'evil.example' }]) {
    const { name, remotes } = await cardIn(await ask(PUBLIC, headers));
    assert.equal(name, 'com.example.mcp/test-server');
    assert.equal(remotes[0]?.url, 'https://mcp.example.com/mcp');
    assert.equal(remotes[0]?.headers?.[0]?.name, 'Authorization');
  }
});

test('asks for no header where clients find an authorization server', async () => {
  const { remotes } = await cardIn(await ask({ ...PUBLIC, MCP_OAUTH_ISSUER: 'https://issuer.example' }, HOST));
  assert.equal(remotes[0]?.headers, undefined);
});

test('is found below the path in MCP_PUBLIC_URL, which it names', async () => {
  const response = await ask(
    { ...TOKENS, MCP_PUBLIC_URL: 'https://example.com/a/mcp' },
    { host: 'example.com' },
    'GET',
    `/a${PATH}`,
  );
  assert.equal((await cardIn(response)).remotes[0]?.url, 'https://example.com/a/mcp');
});

test('is the same for every caller, and lists no tools', async () => {
  const seen: unknown[] = [];
  const createServer: CreateServer = (context) => {
    seen.push([context.authInfo, context.caller, context.requestInfo, context.sessionId]);
    return createTestServer(context);
  };
  const app = testApp(PUBLIC, { createServer });
  const bodies = [];
  for (const headers of [HOST, { ...HOST, authorization: `Bearer ${'a'.repeat(64)}`, cookie: 'a=b' }]) {
    bodies.push(await (await app.request('GET', { path: PATH, headers })).text());
  }
  assert.equal(bodies[0], bodies[1]);
  assert.doesNotMatch(bodies[0] ?? '', /echo|count/);
  assert.ok(seen.length > 0);
  for (const parts of seen) assert.deepEqual(parts, [undefined, undefined, undefined, undefined]);
});

test('answers 304 without a body to a client that has the card, and 200 once it has changed', async () => {
  let version = '1.0.0';
  const app = testApp(PUBLIC, { createServer: () => new McpServer({ name: 'changing', version }) });
  const tag = (await app.request('GET', { path: PATH, headers: HOST })).headers.get('etag') ?? '';
  assert.match(tag, /^"[0-9a-f]+"$/);
  const headers = { ...HOST, 'if-none-match': `"other", ${tag}` };
  for (const method of ['GET', 'HEAD']) {
    const response = await app.request(method, { path: PATH, headers });
    assert.deepEqual([response.status, await response.text()], [304, '']);
    assert.equal(response.headers.get('etag'), tag);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.equal(response.headers.get('cache-control'), 'public, max-age=3600');
  }
  version = '2.0.0';
  const changed = testApp(PUBLIC, { createServer: () => new McpServer({ name: 'changing', version }) });
  assert.equal((await changed.request('GET', { path: PATH, headers })).status, 200);
});

test('answers HEAD like GET, without a body', async () => {
  const [get, head] = [await ask(PUBLIC, HOST), await ask(PUBLIC, HOST, 'HEAD')];
  assert.deepEqual([head.status, await head.text()], [200, '']);
  for (const name of ['etag', 'content-type', 'cache-control']) {
    assert.equal(head.headers.get(name), get.headers.get(name), name);
  }
});

for (const method of ['POST', 'PUT', 'DELETE']) {
  test(`answers 405 to ${method}, with what is allowed`, async () => {
    const response = await ask(PUBLIC, HOST, method);
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD']);
  });
}

test('lets pages of any origin read the card of a server that others can reach', async () => {
  const headers = { ...HOST, origin: 'https://directory.example' };
  const response = await ask(PUBLIC, headers);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.equal(response.headers.get('access-control-expose-headers'), 'ETag');
  const asking = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'if-none-match' };
  const preflight = await ask(PUBLIC, { ...headers, ...asking }, 'OPTIONS');
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
  assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /GET/);
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'Content-Type,If-None-Match');
  // Only the card is public: the endpoint goes on refusing them.
  assert.equal((await testApp(PUBLIC).request('POST', { headers })).status, 403);
});

test('answers 403 to pages of other sites on a server of this machine, so that none finds out what its visitors run', async () => {
  const response = await ask({}, { origin: 'https://directory.example' });
  assert.equal(response.status, 403);
  assert.equal(response.headers.get('access-control-allow-origin'), null);
  assert.equal((await ask({}, { origin: 'http://localhost:5173' })).status, 200);
});

test('a card of this machine in the cache of a browser is not for pages of other sites', async () => {
  const origin = 'http://localhost:5173';
  const { etag = '' } = Object.fromEntries((await ask({})).headers);
  const asked: [Record<string, string>, string | null][] = [
    [{}, null],
    [{ 'if-none-match': etag }, null],
    [{ origin }, origin],
    [{ origin, 'if-none-match': etag }, origin],
  ];
  for (const [headers, allowed] of asked) {
    const response = await ask({}, headers);
    assert.equal(response.status, headers['if-none-match'] === undefined ? 200 : 304);
    assert.equal(response.headers.get('access-control-allow-origin'), allowed);
    assert.equal(response.headers.get('vary'), 'Origin');
  }
});

test('answers 403 to a host that is not allowed', async () => {
  assert.equal((await ask(PUBLIC, { host: 'evil.example' })).status, 403);
});

test('answers 404, and says what would help, to a server that is reached by its address only', async () => {
  const open = { HOST: '0.0.0.0', MCP_ALLOWED_HOSTS: '192.0.2.7', ...TOKENS };
  const url = 'http://192.0.2.7:3000/mcp/server-card';
  const response = await testApp(open).fetch(new Request(url, { headers: { host: '192.0.2.7:3000' } }));
  assert.equal(response.status, 404);
  assert.match(await response.text(), /MCP_PUBLIC_URL/);
});

test('answers 503 with Retry-After when the server cannot be asked, and logs why without telling', async () => {
  const createServer: CreateServer = () => {
    throw new Error('who are you?');
  };
  const app = testApp(PUBLIC, { createServer });
  const response = await app.request('GET', { path: PATH, headers: HOST });
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '10']);
  assert.doesNotMatch(await response.text(), /who are you/);
  assert.match(app.lines.join('\n'), /who are you\?.*the server could not be asked about itself/);
});

test('builds one server for any number of requests that come together', async () => {
  let built = 0;
  const createServer: CreateServer = (context) => {
    built += 1;
    return createTestServer(context);
  };
  const app = testApp(PUBLIC, { createServer });
  await app.request('GET', { path: PATH, headers: HOST });
  const afterFirst = built;
  for (let request = 0; request < 50; request += 1) await app.request('GET', { path: PATH, headers: HOST });
  assert.equal(built, afterFirst);
});

test('answers 404 with MCP_SERVER_CARD=off, as to any path that does not exist', async () => {
  assert.equal((await ask({ ...PUBLIC, MCP_SERVER_CARD: 'off' }, HOST)).status, 404);
});
