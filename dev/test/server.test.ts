import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { startIdp, type Idp, type IdpOptions } from '../idp/server.ts';
import { person, type Person } from './support/person.ts';

const RESOURCE = 'http://127.0.0.1:3000/mcp';
const CALLBACK = 'http://127.0.0.1:33418/callback';

async function idpFor(t: TestContext, options: IdpOptions = {}): Promise<Idp> {
  const idp = await startIdp(options);
  t.after(() => idp.close());
  return idp;
}

async function register(idp: Idp, metadata: object = {}): Promise<string> {
  const response = await fetch(`${idp.issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Test',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      ...metadata,
    }),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { client_id: string }).client_id;
}

interface Tokens {
  access_token: string;
  refresh_token?: string;
  scope: string;
  error?: string;
}

async function askForTokens(idp: Idp, body: Record<string, string>): Promise<Tokens> {
  const response = await fetch(`${idp.issuer}/token`, { method: 'POST', body: new URLSearchParams(body) });
  return (await response.json()) as Tokens;
}

/** Signs in as a client that does everything right, except for `overrides`. */
async function signIn(idp: Idp, clientId: string, who: Person, overrides: Record<string, string> = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${idp.issuer}/auth`);
  const parameters = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'slugs:read',
    resource: RESOURCE,
    state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...overrides,
  };
  for (const [key, value] of Object.entries(parameters)) if (value !== '') url.searchParams.set(key, value);
  const answer = (await who.visit(url)).searchParams;
  const redeem = () =>
    askForTokens(idp, {
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: parameters.redirect_uri,
      code: answer.get('code') ?? '',
      code_verifier: verifier,
      resource: parameters.resource,
    });
  return { answer, redeem };
}

/** A part of a JWT. */
function decode(token: string, part: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

async function publishedKeys({ issuer }: Idp): Promise<unknown[]> {
  const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

test('issues a JWT access token for the resource that was asked for', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const { answer, redeem } = await signIn(idp, client, person('alice'));
  assert.equal(answer.get('iss'), idp.issuer);
  assert.equal(answer.get('state'), 'state');
  const { access_token: token, scope, refresh_token: refreshToken = '' } = await redeem();
  assert.equal(scope, 'slugs:read');
  assert.equal(decode(token, 0)['typ'], 'at+jwt');
  const { iss, sub, aud, client_id: clientId, scope: granted } = decode(token, 1);
  assert.deepEqual(
    { iss, sub, aud, clientId, granted },
    { iss: idp.issuer, sub: 'alice', aud: RESOURCE, clientId: client, granted: 'slugs:read' },
  );
  assert.notEqual(refreshToken, '');
});

test('takes a refresh token once, and takes everything back when it is used again', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const { redeem } = await signIn(idp, client, person('alice'));
  const first = await redeem();
  const refresh = (token = '') =>
    askForTokens(idp, { grant_type: 'refresh_token', client_id: client, refresh_token: token, resource: RESOURCE });
  const second = await refresh(first.refresh_token);
  assert.equal(decode(second.access_token, 1)['scope'], 'slugs:read');
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.equal((await refresh(first.refresh_token)).error, 'invalid_grant');
  assert.equal((await refresh(second.refresh_token)).error, 'invalid_grant');
});

test('refuses a client without PKCE, a resource that is not a URL, and a user who declines', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const alice = person('alice');
  const without = await signIn(idp, client, alice, { code_challenge: '', code_challenge_method: '' });
  assert.equal(without.answer.get('error'), 'invalid_request');
  const plain = await signIn(idp, client, alice, { code_challenge_method: 'plain' });
  assert.equal(plain.answer.get('error'), 'invalid_request');
  const urn = await signIn(idp, client, alice, { resource: 'urn:mcp' });
  assert.equal(urn.answer.get('error'), 'invalid_target');
  const denies: Person = { visit: (url) => alice.visit(url, { answer: 'deny' }) };
  const denied = await signIn(idp, client, denies);
  assert.equal(denied.answer.get('error'), 'access_denied');
  assert.equal(denied.answer.get('iss'), idp.issuer);
});

test('lets a client ask for any scope, also for one that it registers with, and for more later', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp, { scope: 'slugs:read' });
  const alice = person('alice');
  const { redeem } = await signIn(idp, client, alice);
  assert.equal((await redeem()).scope, 'slugs:read');
  const { redeem: redeemMore } = await signIn(idp, client, alice, { scope: 'slugs:read slugs:batch' });
  assert.equal((await redeemMore()).scope, 'slugs:read slugs:batch');
});

test('knows a client by its metadata document', async (t) => {
  const clientId = 'https://client.example/oauth.json';
  const document = { client_id: clientId, client_name: 'By document', redirect_uris: [CALLBACK] };
  const fetched: string[] = [];
  const idp = await idpFor(t, {
    fetch: async (url) => {
      fetched.push(new Request(url).url);
      return Response.json({ ...document, token_endpoint_auth_method: 'none' });
    },
  });
  const { redeem } = await signIn(idp, clientId, person('alice'));
  assert.equal(decode((await redeem()).access_token, 1)['client_id'], clientId);
  assert.deepEqual(fetched, [clientId]);
});

test('takes what VS Code registers with, and its metadata document, and returns to any port of loopback', async (t) => {
  const redirectUris = ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'];
  const documentUrl = 'https://vscode.dev/oauth/client-metadata.json';
  const grantTypes = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
  const metadata = {
    client_name: 'Visual Studio Code',
    client_uri: 'https://vscode.dev/product',
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  };
  const document = { ...metadata, client_id: documentUrl, redirect_uris: redirectUris, grant_types: grantTypes };
  const idp = await idpFor(t, { fetch: async () => Response.json(document) });
  // It registers only with grant types that the metadata of the server lists.
  const registered = await register(idp, {
    ...metadata,
    redirect_uris: [...redirectUris, 'https://insiders.vscode.dev/redirect', 'http://127.0.0.1/'],
    scope: 'slugs:batch',
  });
  for (const clientId of [documentUrl, registered]) {
    for (const redirectUri of ['http://127.0.0.1:33418/', 'http://127.0.0.1:54321/', 'https://vscode.dev/redirect']) {
      // Without a scope, it asks for all that the authorization server has.
      const scope = 'openid offline_access';
      const { redeem } = await signIn(idp, clientId, person('alice'), { scope, redirect_uri: redirectUri });
      const { access_token: token, refresh_token: refreshToken = '' } = await redeem();
      assert.equal(decode(token, 1)['aud'], RESOURCE);
      assert.notEqual(refreshToken, '');
    }
  }
});

test('signs with a new key after a change, and publishes the old one unless it is to be forgotten', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const alice = person('alice');
  const signingKey = async () => {
    const { redeem } = await signIn(idp, client, alice);
    return decode((await redeem()).access_token, 0)['kid'];
  };
  const first = await signingKey();
  idp.rotateKeys();
  const second = await signingKey();
  assert.deepEqual(await publishedKeys(idp), [second, first]);
  idp.rotateKeys({ forget: true });
  assert.deepEqual(await publishedKeys(idp), [await signingKey()]);
});

test('lets another user sign in in the same browser', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const alice = person('alice');
  const asBob: Person = { visit: (url) => alice.visit(url, { name: 'bob' }) };
  const subjectOf = async (who: Person) => {
    const { redeem } = await signIn(idp, client, who);
    return decode((await redeem()).access_token, 1)['sub'];
  };
  assert.deepEqual([await subjectOf(alice), await subjectOf(asBob), await subjectOf(alice)], ['alice', 'bob', 'alice']);
});

test('shows what a client says about itself as text', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp, { client_name: '<script>alert(1)</script>' });
  const pages: string[] = [];
  const reader: Person = {
    async visit(url) {
      const { headers } = await fetch(url, { redirect: 'manual' });
      const cookie = headers.getSetCookie().map((line) => line.split(';')[0]);
      const page = await fetch(new URL(headers.get('location') ?? '', url), { headers: { cookie: cookie.join('; ') } });
      assert.equal(page.headers.get('x-frame-options'), 'DENY');
      pages.push(await page.text());
      return url;
    },
  };
  await signIn(idp, client, reader, { scope: '<b>scope</b>' });
  assert.match(pages[0] ?? '', /&lt;script&gt;alert\(1\)&lt;\/script&gt;[^]*&lt;b&gt;scope&lt;\/b&gt;/);
  assert.doesNotMatch(pages[0] ?? '', /<script>|<b>/);
});

test('lets pages of any origin register, ask for tokens and read the metadata', async (t) => {
  const idp = await idpFor(t);
  const paths = [
    ['/reg', 'POST'],
    ['/token', 'POST'],
    ['/jwks', 'GET'],
    ['/.well-known/oauth-authorization-server', 'GET'],
    ['/.well-known/openid-configuration', 'GET'],
  ] as const;
  for (const [path, method] of paths) {
    const origin = 'http://localhost:6274';
    const preflight = await fetch(`${idp.issuer}${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'content-type' },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'content-type');
    const response = await fetch(`${idp.issuer}${path}`, { method, headers: { origin } });
    assert.equal(response.headers.get('access-control-allow-origin'), '*', path);
  }
});

test('listens on loopback only, and answers 403 to a Host that is not', async (t) => {
  const idp = await idpFor(t);
  const { hostname, port } = new URL(idp.issuer);
  assert.equal(hostname, '127.0.0.1');
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  for (const { address, family } of addresses.filter(({ internal }) => !internal)) {
    if (family === 'IPv4') await assert.rejects(fetch(`http://${address}:${port}/jwks`));
  }
  const status = await new Promise((resolve, reject) => {
    const call = request(`${idp.issuer}/jwks`, { headers: { host: 'rebound.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.once('error', reject).end();
  });
  assert.equal(status, 403);
});

test('keeps its keys and consents when it listens again', async (t) => {
  const idp = await idpFor(t);
  const client = await register(idp);
  const { redeem } = await signIn(idp, client, person('alice'));
  const keys = await publishedKeys(idp);
  await idp.close();
  await assert.rejects(fetch(`${idp.issuer}/jwks`));
  await idp.reopen();
  assert.deepEqual(await publishedKeys(idp), keys);
  assert.equal((await redeem()).scope, 'slugs:read');
});
