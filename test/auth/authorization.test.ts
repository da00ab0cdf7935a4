import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerOf,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  rpc,
  sessionOf,
  testApp,
  type TestApp,
} from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { AUDIENCE, ISSUER, OAUTH, testIssuer } from '../support/issuer.ts';
import { assertRefused } from '../support/refusal.ts';
import { bearer } from '../support/session-app.ts';

const STATIC = 'static-token-0123456789abcdefghijklmnop';
const METADATA_URL = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';

async function oauthApp(env: Record<string, string> = {}, tools?: Record<string, Tool>) {
  const clock = manualClock();
  const issuer = await testIssuer({ clock });
  const createServer = tools && fixture(tools).createServer;
  const app = testApp({ ...OAUTH, ...env }, { clock, fetch: issuer.fetch, ...(createServer && { createServer }) });
  return { app, clock, issuer };
}

for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) {
  test(`serves protected resource metadata at ${path}, without authentication`, async () => {
    const { app } = await oauthApp({ MCP_REQUIRED_SCOPES: 'mcp read' });
    const response = await app.request('GET', { path });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {
      resource: AUDIENCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['mcp', 'read'],
    });
    assert.equal((await app.request('HEAD', { path })).status, 200);
    const refused = await app.request('POST', { path });
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, OPTIONS']);
  });

  test(`lets pages read the metadata at ${path}`, async () => {
    const { app } = await oauthApp();
    const headers = { origin: 'http://localhost:6274' };
    const response = await app.request('GET', { path, headers });
    assert.ok(['*', headers.origin].includes(response.headers.get('access-control-allow-origin') ?? ''));
    const preflight = await app.request('OPTIONS', {
      path,
      headers: {
        ...headers,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'mcp-protocol-version',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'mcp-protocol-version');
  });

  test(`answers 404 at ${path} without an authorization server`, async () => {
    for (const app of [testApp(), testApp({ MCP_AUTH_TOKENS: `ci:${STATIC}` })]) {
      await assertRefused(await app.request('GET', { path }), { status: 404, code: -32000 });
    }
  });
}

test('serves metadata at the path of the endpoint, and nothing else below /.well-known', async () => {
  const { app } = await oauthApp({ MCP_PUBLIC_URL: 'https://mcp.example.com/tools/mcp' });
  const path = '/.well-known/oauth-protected-resource/tools/mcp';
  const { resource } = (await (await app.request('GET', { path })).json()) as { resource: string };
  assert.equal(resource, 'https://mcp.example.com/tools/mcp');
  for (const other of ['oauth-protected-resource/mcp', 'oauth-protected-resource/', 'oauth-authorization-server'])
    await assertRefused(await app.request('GET', { path: `/.well-known/${other}` }), { status: 404, code: -32000 });
});

test('names the URL in the settings in challenges and metadata, whatever the headers of the request', async () => {
  const { app } = await oauthApp();
  const headers = {
    host: 'localhost:9999',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    forwarded: 'host=evil.example',
  };
  const response = await app.request('POST', { headers });
  assert.ok(response.headers.get('www-authenticate')?.endsWith(`resource_metadata="${METADATA_URL}"`));
  const metadata = await app.request('GET', { path: '/.well-known/oauth-protected-resource', headers });
  assert.doesNotMatch(await metadata.text(), /evil|9999/);
});

test('is the resource at the URL it listens on if the settings name none', async () => {
  const { app, issuer } = await oauthApp({ MCP_PUBLIC_URL: '', PORT: '4000' });
  const token = await issuer.token({ aud: 'http://127.0.0.1:4000/mcp' });
  assert.equal((await app.request('POST', modernRequest('tools/list', {}, { headers: bearer(token) }))).status, 200);
  const challenge = (await app.request('POST')).headers.get('www-authenticate') ?? '';
  assert.match(
    challenge,
    /resource_metadata="http:\/\/127\.0\.0\.1:4000\/\.well-known\/oauth-protected-resource\/mcp"$/,
  );
});

test('challenges without resource_metadata if there is none', async () => {
  const app = testApp({ MCP_AUTH_TOKENS: `ci:${STATIC}` });
  const response = await app.request('POST');
  assert.equal(response.status, 401);
  assert.equal(
    response.headers.get('www-authenticate'),
    'Bearer error="invalid_token", error_description="Missing Authorization header"',
  );
});

for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer ']) {
  test(`accepts the scheme written as ${JSON.stringify(scheme)}`, async () => {
    const app = testApp({ MCP_AUTH_TOKENS: `ci:${STATIC}` });
    const headers = { authorization: `${scheme} ${STATIC}` };
    assert.equal((await app.request('POST', modernRequest('tools/list', {}, { headers }))).status, 200);
  });
}

test('tells clients that want to register that it takes a static token, if it has no authorization server', async () => {
  const app = testApp({ MCP_AUTH_TOKENS: `ci:${'a'.repeat(32)}` });
  const response = await app.request('POST', { path: '/register', headers: JSON_HEADERS, body: {} });
  assert.equal(response.status, 400);
  const { error, error_description: description } = (await response.json()) as Record<string, string>;
  assert.equal(error, 'invalid_client_metadata');
  assert.match(description ?? '', /static token/);
  for (const other of [testApp(), testApp(OAUTH)]) {
    assert.equal((await other.request('POST', { path: '/register', headers: JSON_HEADERS, body: {} })).status, 404);
  }
});

test('answers 403 with the scopes that every request needs to a token without them', async () => {
  const { app, issuer } = await oauthApp({ MCP_REQUIRED_SCOPES: 'mcp read' });
  const headers = bearer(await issuer.token({ scope: 'mcp' }));
  for (const method of ['POST', 'GET', 'DELETE']) {
    const response = await app.request(method, { headers });
    assert.equal(response.status, 403);
    assert.equal(
      response.headers.get('www-authenticate'),
      `Bearer error="insufficient_scope", error_description="Insufficient scope", scope="mcp read", resource_metadata="${METADATA_URL}"`,
    );
  }
  const enough = bearer(await issuer.token({ scope: 'read other mcp' }));
  assert.equal((await app.request('POST', modernRequest('tools/list', {}, { headers: enough }))).status, 200);
});

test('answers 503 with Retry-After, and no challenge, while the issuer is unavailable', async () => {
  const { app, issuer } = await oauthApp({ MCP_AUTH_TOKENS: `ci:${STATIC}` });
  issuer.instead = () => Promise.reject(new Error('ECONNREFUSED'));
  const response = await app.request('POST', { headers: bearer(await issuer.token()) });
  assert.equal(response.headers.get('www-authenticate'), null);
  await assertRefused(response, { status: 503, code: -32000, headers: { 'retry-after': '5' } });
  // Callers that need no issuer are still served.
  const headers = bearer(STATIC);
  assert.equal((await app.request('POST', modernRequest('tools/list', {}, { headers }))).status, 200);
});

const CREDENTIALS = { MCP_INTROSPECTION_CLIENT_ID: 'me', MCP_INTROSPECTION_CLIENT_SECRET: 'secret' };

for (const [how, credentials] of [
  ['keys', {}],
  ['introspection', CREDENTIALS],
] as const) {
  test(`reaches the issuer at MCP_OAUTH_ISSUER_ADDRESS for ${how}, and tells clients its name`, async () => {
    const address = { MCP_OAUTH_ISSUER_ADDRESS: 'http://keycloak:8080', MCP_INSECURE_ALLOW_HTTP_ISSUER: 'true' };
    const { app, clock, issuer } = await oauthApp({ ...address, ...credentials });
    const exp = clock.now() / 1000 + 300;
    issuer.introspect = () => ({ active: true, iss: ISSUER, sub: 'alice', client_id: 'c', aud: AUDIENCE, exp });
    const call = async (token: string) =>
      (await app.request('POST', modernRequest('tools/list', {}, { headers: bearer(token) }))).status;
    assert.equal(await call(await issuer.token()), 200);
    issuer.introspect = () => ({
      active: true,
      iss: 'http://keycloak:8080',
      sub: 'a',
      client_id: 'c',
      aud: AUDIENCE,
      exp,
    });
    assert.equal(await call(await issuer.token({ iss: 'http://keycloak:8080' })), 401);
    assert.ok(issuer.asked.length > 1);
    for (const line of issuer.asked) assert.match(line, / http:\/\/keycloak:8080\//);
    const metadata = await app.request('GET', { path: '/.well-known/oauth-protected-resource' });
    assert.deepEqual(await metadata.json(), { resource: AUDIENCE, authorization_servers: [ISSUER] });
  });
}

test('does not contact the issuer if there is no token to verify', async () => {
  const { app, issuer } = await oauthApp();
  issuer.instead = () => assert.fail('the issuer is not asked');
  for (const path of ['/livez', '/readyz', '/.well-known/oauth-protected-resource'])
    assert.equal((await app.request('GET', { path })).status, 200);
  assert.equal((await app.request('POST')).status, 401);
  assert.equal((await app.request('POST', { headers: { authorization: 'Bearer a b' } })).status, 401);
});

test('tells tools who is calling, in both eras', async () => {
  const whoami: Tool = ({ context }) => {
    const { clientId, scopes, extra } = context.http?.authInfo ?? {};
    return { clientId, scopes, ...extra };
  };
  const { app, issuer } = await oauthApp({}, { whoami });
  const headers = bearer(await issuer.token({ sub: 'bob', scope: 'mcp' }));
  const session = await openSession(app, headers);
  for (const answer of [
    await session.call('whoami', {}),
    await answerOf(await app.request('POST', modernRequest('tools/call', { name: 'whoami' }, { headers }))),
  ])
    assert.deepEqual(JSON.parse(answer.result?.content?.[0]?.text ?? ''), {
      clientId: 'client-1',
      scopes: ['mcp'],
      issuer: ISSUER,
      subject: 'bob',
    });
});

test('answers 404 to a session of another user, another client, or the same name at another issuer', async () => {
  const { app, issuer } = await oauthApp({ MCP_AUTH_TOKENS: `alice:${STATIC}` });
  const session = await openSession(app, bearer(await issuer.token()));
  for (const token of [await issuer.token({ sub: 'bob' }), await issuer.token({ client_id: 'client-2' }), STATIC]) {
    const other = sessionOf(app, session.id, bearer(token));
    for (const response of [await other.post(rpc('tools/list')), await other.get(), await other.delete()]) {
      assert.equal(response.status, 404);
    }
  }
  const refreshed = sessionOf(app, session.id, bearer(await issuer.token({ jti: 'another' })));
  assert.equal((await refreshed.call('echo', { text: 'Still here' })).result?.isError, undefined);
});

test('answers 401 in a session once its token has expired, and goes on with the next token', async () => {
  const { app, clock, issuer } = await oauthApp();
  const session = await openSession(app, bearer(await issuer.token()));
  assert.equal((await session.post(rpc('tools/list'))).status, 200);
  clock.advance(311_000);
  assert.equal((await session.post(rpc('tools/list'))).status, 401);
  const next = sessionOf(app, session.id, bearer(await issuer.token()));
  assert.equal((await next.post(rpc('tools/list'))).status, 200);
});

test('answers 401 in a session once its token was revoked, if tokens are introspected', async () => {
  const { app, clock, issuer } = await oauthApp(CREDENTIALS);
  let active = true;
  const exp = clock.now() / 1000 + 3600;
  issuer.introspect = () => ({ active, sub: 'alice', client_id: 'c', aud: AUDIENCE, exp });
  const session = await openSession(app, bearer('opaque'));
  active = false;
  assert.equal((await session.post(rpc('tools/list'))).status, 401);
});

const COUNT = { name: 'count', arguments: { to: 1 } };
/** Calls the tool that needs a scope, as the clients of each era do. */
const CALLS: Record<string, (app: TestApp, headers: Record<string, string>) => Promise<Response>> = {
  'in a session': async (app, headers) => (await openSession(app, headers)).post(rpc('tools/call', COUNT)),
  'in a batch of a session': async (app, headers) =>
    (await openSession(app, headers)).post([rpc('ping'), rpc('tools/call', COUNT)], {
      'mcp-protocol-version': '2025-03-26',
    }),
  'in the 2026-07-28 revision': (app, headers) => app.request('POST', modernRequest('tools/call', COUNT, { headers })),
  'without sessions': (app, headers) =>
    app.request('POST', { headers: { ...JSON_HEADERS, ...headers }, body: rpc('tools/call', COUNT) }),
};

for (const [how, call] of Object.entries(CALLS)) {
  const env: Record<string, string> = how === 'without sessions' ? { MCP_SESSIONS: 'stateless' } : {};

  test(`answers 403 with the scope of a tool to a call ${how} without it, and runs it with it`, async () => {
    const { app, issuer } = await oauthApp({ ...env, MCP_REQUIRED_SCOPES: 'mcp' });
    const refused = await call(app, bearer(await issuer.token({ scope: 'mcp' })));
    assert.equal(refused.status, 403);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    assert.match(challenge, /^Bearer error="insufficient_scope", .*scope="test:count", /);
    assert.ok(challenge.endsWith(`resource_metadata="${METADATA_URL}"`));
    const allowed = await call(app, bearer(await issuer.token({ scope: 'mcp test:count' })));
    assert.equal(allowed.status, 200);
    assert.match(await allowed.text(), /counted to 1/);
  });

  test(`requires no scope of unauthenticated callers ${how}`, async () => {
    assert.match(await (await call(testApp(env), {})).text(), /counted to 1/);
  });
}

interface ToolList {
  tools: { name: string }[];
}

async function toolsOf(app: TestApp, headers: Record<string, string>): Promise<ToolList> {
  return (await answerOf(await app.request('POST', modernRequest('tools/list', {}, { headers }))))
    .result as unknown as ToolList;
}

test('hides the tool from static tokens without its scope, and shows it to callers who can ask for it', async () => {
  const other = STATIC.replace('static', 'second');
  const { app, issuer } = await oauthApp({ MCP_AUTH_TOKENS: `ci:${STATIC}, counter:${other}:test:count` });
  const names = async (token: string) => (await toolsOf(app, bearer(token))).tools.map(({ name }) => name);
  assert.deepEqual(await names(STATIC), ['echo']);
  assert.deepEqual(await names(other), ['echo', 'count']);
  assert.deepEqual(await names(await issuer.token()), ['echo', 'count']);
  const call = await answerOf((await CALLS['in a session']?.(app, bearer(STATIC))) ?? Response.error());
  assert.match(JSON.stringify(call), /count not found/i);
});

test('counts sessions for each principal', async () => {
  const { app, issuer } = await oauthApp({ MCP_MAX_SESSIONS_PER_PRINCIPAL: '1' });
  const first = await openSession(app, bearer(await issuer.token()));
  const stream = await first.get();
  const again = { headers: { ...JSON_HEADERS, ...bearer(await issuer.token()) }, body: initializeRequest() };
  assert.equal((await app.request('POST', again)).status, 503);
  await openSession(app, bearer(await issuer.token({ sub: 'bob' })));
  await stream.body?.cancel();
});
