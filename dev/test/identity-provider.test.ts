import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { HttpClient } from '../../test/support/clients.ts';
import { finishSignIn, oauthClient, signInAndConnect, type OAuthClient } from './support/oauth-client.ts';
import { person } from './support/person.ts';
import { EXPIRED_SECONDS, startProtected, type ProtectedServer } from './support/protected.ts';
import { answerOf, initializeRequest, JSON_HEADERS, LATEST_LEGACY, rpc } from '../../test/support/app.ts';
import { createMcpServer } from '../../src/mcp-server.ts';
import { startListening } from '../../test/support/listening.ts';

const KINDS = ['v1', 'v2 legacy', 'v2 auto'] as const;

async function slugify(client: HttpClient): Promise<void> {
  const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
  assert.deepEqual(structuredContent, { slug: 'hello-world' });
}

/** A request with the application's token, as it is. */
function post(url: string, app: OAuthClient, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const authorization = `Bearer ${app.tokens()?.access_token}`;
  return fetch(url, {
    method: 'POST',
    headers: { ...JSON_HEADERS, authorization, ...headers },
    body: JSON.stringify(body),
  });
}

/** A signed-in user, with a session if the client has sessions. */
async function signedIn(t: TestContext, { url, fetch }: ProtectedServer, kind: (typeof KINDS)[number], name = 'alice') {
  const app = oauthClient();
  const who = person(name);
  const client = await signInAndConnect(t, kind, url, { app, who, fetch });
  return { app, who, client };
}

for (const kind of KINDS) {
  test(`a ${kind} client goes on when the IdP changes its keys, in the same session`, async (t) => {
    const server = await startProtected(t);
    const { app, client } = await signedIn(t, server, kind);
    const { sessionId } = client.transport;
    const before = app.tokens()?.access_token;
    server.idp.rotateKeys({ forget: true });
    await slugify(client);
    assert.equal(app.tokens()?.access_token, before, 'the keys that are there go on serving');

    server.passSeconds(EXPIRED_SECONDS);
    await slugify(client);
    assert.notEqual(app.tokens()?.access_token, before);
    assert.equal(client.transport.sessionId, sessionId);
  });

  test(`a ${kind} client is served while the IdP is unavailable, and refreshes when it is back`, async (t) => {
    const server = await startProtected(t);
    const { client } = await signedIn(t, server, kind);
    const { sessionId } = client.transport;
    await server.idp.close();
    await slugify(client);

    server.passSeconds(EXPIRED_SECONDS);
    await assert.rejects(slugify(client));
    await server.idp.reopen();
    await slugify(client);
    assert.equal(client.transport.sessionId, sessionId);
  });

  test(`a ${kind} client must ask its user again when consent was withdrawn`, async (t) => {
    const server = await startProtected(t);
    const { app, who, client } = await signedIn(t, server, kind);
    server.idp.revokeConsent('alice');
    await slugify(client);

    server.passSeconds(EXPIRED_SECONDS);
    server.takeRequests();
    await assert.rejects(slugify(client), { message: /Unauthorized/ });
    assert.deepEqual(server.takeRequests().slice(0, 2), ['POST /mcp 401', 'POST idp /token 400']);
    await finishSignIn(client.transport, { app, who });
    await slugify(client);
  });
}

test('answers 503 with Retry-After while the keys are unavailable, so that nobody is signed out, and 200 afterwards', async (t) => {
  const server = await startProtected(t);
  server.idp.accessTokenSeconds = EXPIRED_SECONDS;
  const { app } = await signedIn(t, server, 'v2 legacy');
  const other = await server.startAnother();
  await server.idp.close();
  const response = await post(other.url, app, initializeRequest());
  assert.equal(response.status, 503);
  assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
  assert.equal(response.headers.get('www-authenticate'), null);

  await server.idp.reopen();
  server.passSeconds(Number(response.headers.get('retry-after')));
  assert.equal((await post(other.url, app, initializeRequest())).status, 200);
});

test('answers 401 to a token that the same IdP issued for another server', async (t) => {
  const server = await startProtected(t);
  const { app } = await signedIn(t, server, 'v2 legacy');
  const settings = (url: string) => ({ MCP_OAUTH_ISSUER: server.idp.issuer, MCP_PUBLIC_URL: url });
  const other = await startListening(t, settings, { createServer: createMcpServer });
  const response = await post(other.url, app, initializeRequest());
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
  assert.equal((await post(server.url, app, initializeRequest())).status, 200);
});

test('answers 404 to the session of another user, and of the same user with another client', async (t) => {
  const server = await startProtected(t);
  const alice = await signedIn(t, server, 'v2 legacy');
  const others = [await signedIn(t, server, 'v2 legacy', 'bob'), await signedIn(t, server, 'v1')];
  const inSession = { 'mcp-session-id': alice.client.transport.sessionId ?? '', 'mcp-protocol-version': LATEST_LEGACY };
  for (const { app } of others) {
    const response = await post(server.url, app, rpc('tools/list'), inSession);
    assert.equal(response.status, 404);
    assert.equal((await answerOf(response)).error?.code, -32001);
  }
  assert.equal((await post(server.url, alice.app, rpc('tools/list'), inSession)).status, 200);
});

test('answers 401 in a session to an opaque token whose consent was taken back, with the next request', async (t) => {
  const introspectedBy = { clientId: 'mcp-server', clientSecret: 'a secret: 100 % & more' };
  const server = await startProtected(t, {
    introspectedBy,
    settings: {
      MCP_INTROSPECTION_CLIENT_ID: introspectedBy.clientId,
      MCP_INTROSPECTION_CLIENT_SECRET: introspectedBy.clientSecret,
    },
  });
  const { app, client } = await signedIn(t, server, 'v2 legacy');
  await slugify(client);
  assert.doesNotMatch(app.tokens()?.access_token ?? '', /\./);
  const inSession = { 'mcp-session-id': client.transport.sessionId ?? '', 'mcp-protocol-version': LATEST_LEGACY };
  assert.equal((await post(server.url, app, rpc('tools/list'), inSession)).status, 200);
  server.idp.revokeConsent('alice');
  const response = await post(server.url, app, rpc('tools/list'), inSession);
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
});

test('writes no token into the log', async (t) => {
  const lines: string[] = [];
  const server = await startProtected(t, { settings: { LOG_LEVEL: 'debug' }, log: (line) => lines.push(line) });
  const { app, client } = await signedIn(t, server, 'v2 legacy');
  await slugify(client);
  const { access_token: token = '', refresh_token: refreshToken = '' } = app.tokens() ?? {};
  assert.ok(lines.length > 0 && server.lines.length > 0);
  for (const line of [...lines, ...server.lines]) {
    for (const secret of [token, refreshToken, ...token.split('.')]) assert.ok(!line.includes(secret), line);
  }
});
