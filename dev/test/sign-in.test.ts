import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENTS, connectHttp, httpTransport, type ClientKind, type HttpClient } from '../../test/support/clients.ts';
import { CALLBACK, finishSignIn, oauthClient, signInAndConnect, type OAuthClient } from './support/oauth-client.ts';
import { person } from './support/person.ts';
import { BATCH_SCOPE, EXPIRED_SECONDS, startProtected } from './support/protected.ts';

const TITLES = { titles: ['Hello World', 'Hello World'] };
const SLUGS = { slugs: ['hello-world', 'hello-world-2'] };
const METADATA = [
  'POST /mcp 401',
  'GET /.well-known/oauth-protected-resource/mcp 200',
  'GET idp /.well-known/oauth-authorization-server 200',
];

async function slugify(client: HttpClient): Promise<void> {
  const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
  assert.deepEqual(structuredContent, { slug: 'hello-world' });
}

/** The older generation would refresh its token, get the same scopes, and give up. */
async function prepareForStepUp(kind: ClientKind, client: HttpClient, app: OAuthClient): Promise<void> {
  if (kind !== 'v1') return;
  await assert.rejects(client.call('slugify-batch', TITLES), { message: /403 after trying upscoping/ });
  await slugify(client);
  app.forgetRefreshToken();
}

for (const { kind, era } of CLIENTS) {
  test(`a ${kind} client registers, signs its user in, refreshes its token and steps up, in one session`, async (t) => {
    const { url, idp, fetch, passSeconds, takeRequests } = await startProtected(t);
    const app = oauthClient();
    const alice = person('alice');

    const options = { fetch, authProvider: app.provider };
    await assert.rejects(connectHttp(t, kind, url, options), { message: /Unauthorized/ });
    assert.deepEqual(takeRequests(), [...METADATA, 'POST idp /reg 201']);
    const asked = await finishSignIn(httpTransport(kind, url, options), { app, who: alice });
    assert.equal(asked.searchParams.get('resource'), url);
    assert.equal(asked.searchParams.get('code_challenge_method'), 'S256');
    assert.equal(takeRequests().at(-1), 'POST idp /token 200');
    assert.deepEqual([app.claims()['iss'], app.claims()['aud'], app.claims()['sub']], [idp.issuer, url, 'alice']);

    const client = await connectHttp(t, kind, url, options);
    assert.equal(client.era, era);
    const { sessionId } = client.transport;
    assert.equal(sessionId !== undefined, era === 'legacy');
    await slugify(client);
    takeRequests();

    passSeconds(EXPIRED_SECONDS);
    await slugify(client);
    assert.deepEqual(takeRequests(), ['POST /mcp 401', 'POST idp /token 200', 'POST /mcp 200']);

    await prepareForStepUp(kind, client, app);
    takeRequests();
    await assert.rejects(client.call('slugify-batch', TITLES), { message: /Unauthorized/ });
    assert.equal(takeRequests()[0], 'POST /mcp 403');
    const { searchParams } = await finishSignIn(client.transport, { app, who: alice });
    assert.ok(searchParams.get('scope')?.split(' ').includes(BATCH_SCOPE));
    const { structuredContent } = await client.call('slugify-batch', TITLES);
    assert.deepEqual(structuredContent, SLUGS);
    assert.equal(takeRequests().at(-1), 'POST /mcp 200');
    assert.equal(client.transport.sessionId, sessionId);
  });
}

for (const kind of ['v1', 'v2 auto'] as const) {
  test(`a ${kind} client is known by its metadata document, without registering`, async (t) => {
    const clientMetadataUrl = 'https://client.example/oauth.json';
    const { url, fetch, takeRequests } = await startProtected(t, {
      // Such a URL is https, and not on this machine.
      fetch: async () =>
        Response.json({
          client_id: clientMetadataUrl,
          client_name: 'By document',
          redirect_uris: [CALLBACK],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'none',
        }),
    });
    const app = oauthClient({ clientMetadataUrl });
    const client = await signInAndConnect(t, kind, url, { app, who: person('alice'), fetch });
    assert.deepEqual(
      takeRequests().filter((request) => request.includes('/reg')),
      [],
    );
    assert.equal(app.claims()['client_id'], clientMetadataUrl);
    await slugify(client);
  });
}

test('a client asks for the scopes that the endpoint requires, and keeps them when it steps up', async (t) => {
  const { url, fetch } = await startProtected(t, { settings: { MCP_REQUIRED_SCOPES: 'slugs:read slugs:list' } });
  const app = oauthClient();
  const alice = person('alice');
  const client = await signInAndConnect(t, 'v2 auto', url, { app, who: alice, fetch });
  assert.equal(app.claims()['scope'], 'slugs:read slugs:list');
  await assert.rejects(client.call('slugify-batch', TITLES), { message: /Unauthorized/ });
  await finishSignIn(client.transport, { app, who: alice });
  const { structuredContent } = await client.call('slugify-batch', TITLES);
  assert.deepEqual(structuredContent, SLUGS);
  assert.equal(app.claims()['scope'], `slugs:read slugs:list ${BATCH_SCOPE}`);
});

test('a v1 client, which does not step up while it can refresh, gets what MCP_REQUIRED_SCOPES names at sign-in', async (t) => {
  const { url, fetch } = await startProtected(t, { settings: { MCP_REQUIRED_SCOPES: BATCH_SCOPE } });
  const client = await signInAndConnect(t, 'v1', url, { app: oauthClient(), who: person('alice'), fetch });
  const { structuredContent } = await client.call('slugify-batch', TITLES);
  assert.deepEqual(structuredContent, SLUGS);
});

for (const kind of ['v2 legacy', 'v2 auto'] as const) {
  test(`a ${kind} client whose user says no to more goes on with what it has`, async (t) => {
    const { url, fetch } = await startProtected(t);
    const app = oauthClient();
    const alice = person('alice');
    const client = await signInAndConnect(t, kind, url, { app, who: alice, fetch });
    await assert.rejects(client.call('slugify-batch', TITLES), { message: /Unauthorized/ });
    const no = { answer: 'deny' } as const;
    await assert.rejects(finishSignIn(client.transport, { app, who: alice, answer: no }), { code: 'access_denied' });
    await slugify(client);
  });
}
