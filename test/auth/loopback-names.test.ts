import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initializeRequest, JSON_HEADERS, testApp, type TestApp } from '../support/app.ts';
import { ISSUER, testIssuer } from '../support/issuer.ts';

const OAUTH = { MCP_OAUTH_ISSUER: ISSUER };
const METADATA = '/.well-known/oauth-protected-resource/mcp';

async function resourceAt(app: TestApp, origin: string): Promise<unknown> {
  const { host } = new URL(origin);
  const response = await app.fetch(new Request(`${origin}${METADATA}`, { headers: { host } }));
  return ((await response.json()) as { resource: unknown }).resource;
}

/** Opens a session, which is refused without a token for this resource. */
async function initialize(
  app: TestApp,
  origin: string,
  token?: string,
): Promise<{ status: number; challenge: string }> {
  const { host } = new URL(origin);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const headers = { ...JSON_HEADERS, host, ...authorization };
  const body = JSON.stringify(initializeRequest());
  const response = await app.fetch(new Request(`${origin}/mcp`, { method: 'POST', headers, body }));
  // Read to its end: a stream that nobody reads waits for its token to expire.
  await response.text();
  return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '' };
}

for (const origin of ['http://127.0.0.1:3000', 'http://localhost:3000']) {
  test(`is the resource ${origin}/mcp to clients that use this URL`, async () => {
    const issuer = await testIssuer();
    const app = testApp(OAUTH, { fetch: issuer.fetch });
    assert.equal(await resourceAt(app, origin), `${origin}/mcp`);
    const refused = await initialize(app, origin);
    assert.equal(refused.status, 401);
    assert.match(refused.challenge, new RegExp(`resource_metadata="${origin}${METADATA}"`));
    const token = await issuer.token({ aud: `${origin}/mcp` });
    assert.equal((await initialize(app, origin, token)).status, 200);
  });
}

test('answers 401 at one name of loopback to a token for the other', async () => {
  const issuer = await testIssuer();
  const app = testApp(OAUTH, { fetch: issuer.fetch });
  const token = await issuer.token({ aud: 'http://localhost:3000/mcp' });
  assert.equal((await initialize(app, 'http://127.0.0.1:3000', token)).status, 401);
});

test('is the resource in MCP_PUBLIC_URL, whatever the URL of the request', async () => {
  const issuer = await testIssuer();
  const app = testApp({ ...OAUTH, MCP_PUBLIC_URL: 'https://mcp.example.com/mcp' }, { fetch: issuer.fetch });
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1:3000', 'https://mcp.example.com']) {
    assert.equal(await resourceAt(app, origin), 'https://mcp.example.com/mcp');
  }
});

test('is the resource at the address that it listens on to clients with another port or name of loopback', async () => {
  const app = testApp(OAUTH);
  assert.equal(await resourceAt(app, 'http://localhost:8080'), 'http://127.0.0.1:3000/mcp');
  assert.equal(await resourceAt(app, 'http://[::1]:3000'), 'http://127.0.0.1:3000/mcp');
});
