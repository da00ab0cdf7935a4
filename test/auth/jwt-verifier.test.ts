import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { createIssuer } from '../../src/auth/issuer.ts';
import { createJwtVerifier } from '../../src/auth/jwt-verifier.ts';
import type { TokenVerifier } from '../../src/auth/bearer.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { AUDIENCE, ISSUER, neverAnswers, testIssuer, type TestIssuer } from '../support/issuer.ts';
import { settled } from '../support/time.ts';
import { linesAt } from '../support/log-lines.ts';

interface Setup {
  issuer: TestIssuer;
  verifier: TokenVerifier;
  clock: ManualClock;
  /** Advances the time of this process, including jose's. */
  pass: (milliseconds: number) => void;
  lines: string[];
  /** How often the issuer was asked for its keys. */
  keyRequests: () => number;
}

async function setUp(t: TestContext, { audience = AUDIENCE, url = ISSUER, alg = 'ES256' } = {}): Promise<Setup> {
  const clock = manualClock();
  t.mock.timers.enable({ apis: ['Date'], now: clock.now() });
  const issuer = await testIssuer({ issuer: url, clock, alg });
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  const resource = { url: new URL(AUDIENCE), audience, metadataUrl: 'https://mcp.example.com/metadata' };
  const asked = createIssuer({ issuer: url, fetch: issuer.fetch, clock, log });
  return {
    issuer,
    verifier: createJwtVerifier({ issuer: asked, resource, clock }),
    clock,
    pass(milliseconds) {
      clock.advance(milliseconds);
      t.mock.timers.setTime(clock.now());
    },
    lines,
    keyRequests: () => issuer.asked.filter((line) => line.endsWith('/jwks')).length,
  };
}

async function statusOf(verifier: TokenVerifier, token: string): Promise<string> {
  return (await verifier.verify(token)).status;
}

test('takes the caller from the claims of RFC 9068', async (t) => {
  const { issuer, verifier, clock } = await setUp(t);
  const token = await issuer.token({ scope: 'mcp slugs:batch' });
  const result = await verifier.verify(token);
  assert.ok(result.status === 'valid');
  assert.deepEqual(result.caller, {
    principal: { issuer: ISSUER, subject: 'alice', client: 'client-1' },
    authInfo: {
      token,
      clientId: 'client-1',
      scopes: ['mcp', 'slugs:batch'],
      expiresAt: clock.now() / 1000 + 300,
      resource: new URL(AUDIENCE),
      resourceMetadataUrl: 'https://mcp.example.com/metadata',
      extra: { issuer: ISSUER, subject: 'alice' },
    },
  });
});

/** Access tokens as issuers make them, by what their documentation shows. */
const ISSUERS: Record<string, { header: Record<string, unknown>; claims: Record<string, unknown>; scopes: string[] }> =
  {
    'Auth0 with the profile of RFC 9068': {
      header: { typ: 'at+jwt' },
      claims: { aud: [AUDIENCE, `${ISSUER}/userinfo`], scope: undefined, client_id: 'c' },
      scopes: [],
    },
    'Auth0 with its own profile': {
      header: { typ: 'JWT' },
      claims: { aud: [AUDIENCE, `${ISSUER}/userinfo`], client_id: undefined, azp: 'c', scope: 'openid mcp' },
      scopes: ['openid', 'mcp'],
    },
    'Entra ID': {
      header: { typ: 'JWT' },
      claims: { client_id: undefined, azp: 'c', azpacr: '0', scope: undefined, scp: 'mcp', ver: '2.0', tid: 't' },
      scopes: ['mcp', `${AUDIENCE}/mcp`],
    },
    Keycloak: {
      header: { typ: 'JWT' },
      claims: { typ: 'Bearer', client_id: undefined, azp: 'c', scope: 'profile mcp', sid: 's' },
      scopes: ['profile', 'mcp'],
    },
    'Cognito with resource binding': {
      header: { typ: undefined },
      claims: { token_use: 'access', client_id: 'c', scope: 'slugs/mcp' },
      scopes: ['slugs/mcp'],
    },
    Okta: {
      header: { typ: undefined },
      claims: { client_id: undefined, cid: 'c', scope: undefined, scp: ['mcp', 'offline_access'] },
      scopes: ['mcp', 'offline_access'],
    },
  };

for (const [name, { header, claims, scopes }] of Object.entries(ISSUERS)) {
  test(`accepts an access token as ${name} issues it`, async (t) => {
    const { issuer, verifier } = await setUp(t);
    const result = await verifier.verify(await issuer.token(claims, { header }));
    assert.ok(result.status === 'valid', JSON.stringify(result));
    assert.deepEqual(result.caller.authInfo?.scopes, scopes);
    if (claims['client_id'] !== 'client-1') assert.equal(result.caller.principal?.client, 'c');
  });
}

test('accepts the audience in the settings in place of the URL', async (t) => {
  const { issuer, verifier } = await setUp(t, { audience: 'api-1' });
  assert.equal(await statusOf(verifier, await issuer.token({ aud: 'api-1' })), 'valid');
  assert.equal(await statusOf(verifier, await issuer.token()), 'refused');
});

for (const [what, claims, scopes] of [
  ['scope as a list', { scope: ['a', 'b'] }, ['a', 'b']],
  ['scp as a list', { scope: undefined, scp: ['a', 'b'] }, ['a', 'b']],
  ['scope and scp', { scope: 'a b', scp: ['b', 'c'] }, ['a', 'b', 'c']],
  ['an empty scope beside scp', { scope: '', scp: 'c' }, ['c', `${AUDIENCE}/c`]],
  ['members of a list that are not strings', { scope: ['a', 1, null] }, ['a']],
] as const) {
  test(`finds the scopes in ${what}`, async (t) => {
    const { issuer, verifier } = await setUp(t);
    const result = await verifier.verify(await issuer.token(claims));
    assert.ok(result.status === 'valid');
    assert.deepEqual(result.caller.authInfo?.scopes, scopes);
  });
}

test('accepts a token without a scope that is for the URL of this server, which no ID token is', async (t) => {
  const { issuer, verifier } = await setUp(t);
  const plain = { header: { typ: 'JWT' } };
  assert.equal(await statusOf(verifier, await issuer.token({ scope: undefined }, plain)), 'valid');
  assert.equal(await statusOf(verifier, await issuer.token({ scope: undefined, nonce: 'n' }, plain)), 'refused');
});

test('refuses an ID token with the audience in the settings, which may be a client id', async (t) => {
  const { issuer, verifier } = await setUp(t, { audience: 'client-1' });
  const token = await issuer.token({ aud: 'client-1', scope: undefined, azp: 'client-1' }, { header: { typ: 'JWT' } });
  assert.equal(await statusOf(verifier, token), 'refused');
});

for (const [what, headerOf] of Object.entries({
  'names no key': () => ({ kid: undefined }),
  'names two keys of the same id': (kid: string | undefined) => ({ kid }),
})) {
  test(`tries each key that fits a token that ${what}`, async (t) => {
    const { issuer, verifier } = await setUp(t);
    const own = issuer.publicJwk;
    const stranger = await testIssuer();
    const other = { ...stranger.publicJwk, kid: own.kid };
    issuer.instead = async ({ url }) => Response.json(url.endsWith('/jwks') ? { keys: [other, own] } : issuer.metadata);
    const header = headerOf(own.kid);
    assert.equal(await statusOf(verifier, await issuer.token({}, { header })), 'valid');
    assert.equal(await statusOf(verifier, await stranger.token({}, { header })), 'valid');
    const third = await testIssuer();
    assert.equal(await statusOf(verifier, await third.token({}, { header })), 'refused');
  });
}

test('tries the next key if the one that fits first cannot be used', async (t) => {
  const { issuer, verifier } = await setUp(t, { alg: 'RS256' });
  const own = issuer.publicJwk;
  // jose refuses RSA keys of fewer than 2048 bits.
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const short = { ...publicKey.export({ format: 'jwk' }), kid: own.kid, alg: 'RS256', use: 'sig' };
  const keys = [short, own];
  issuer.instead = async ({ url }) => Response.json(url.endsWith('/jwks') ? { keys } : issuer.metadata);
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  const stranger = await testIssuer({ alg: 'RS256' });
  const forged = await stranger.token({}, { header: { kid: own.kid } });
  assert.equal(await statusOf(verifier, forged), 'refused');
});

test('allows for clocks that differ by ten seconds, and no more', async (t) => {
  const { issuer, verifier, clock } = await setUp(t);
  const now = clock.now() / 1000;
  assert.equal(await statusOf(verifier, await issuer.token({ exp: now - 9 })), 'valid');
  assert.equal(await statusOf(verifier, await issuer.token({ exp: now - 10 })), 'refused');
  assert.equal(await statusOf(verifier, await issuer.token({ nbf: now + 10 })), 'valid');
  assert.equal(await statusOf(verifier, await issuer.token({ nbf: now + 11 })), 'refused');
});

test('contacts the issuer when the first token arrives, and once for many that arrive together', async (t) => {
  const { issuer, verifier } = await setUp(t);
  assert.deepEqual(issuer.asked, []);
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, index) => issuer.token({ sub: `user-${index}` })));
  const results = await Promise.all(tokens.map((token) => statusOf(verifier, token)));
  assert.deepEqual(new Set(results), new Set(['valid']));
  assert.deepEqual(issuer.asked, [`GET ${ISSUER}/.well-known/oauth-authorization-server`, `GET ${ISSUER}/jwks`]);
});

test('accepts tokens of a new key at once, and refuses those of the old one', async (t) => {
  const { issuer, verifier, pass } = await setUp(t);
  const old = await issuer.token();
  assert.equal(await statusOf(verifier, old), 'valid');
  await issuer.rotate();
  pass(60_000);
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  assert.equal(await statusOf(verifier, old), 'refused');
});

test('remembers a token for a minute, and refuses it as soon as it expires', async (t) => {
  const { issuer, verifier, clock, pass } = await setUp(t);
  const long = await issuer.token({ scope: 'mcp' });
  const short = await issuer.token({ exp: clock.now() / 1000 + 20 });
  for (const token of [long, short]) assert.equal(await statusOf(verifier, token), 'valid');
  await issuer.rotate();
  pass(29_999);
  for (const token of [long, short]) assert.equal(await statusOf(verifier, token), 'valid');
  pass(1);
  assert.equal(await statusOf(verifier, short), 'refused');
  // The first token of a new key makes the verifier fetch keys, and the old one is no longer among them.
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  pass(29_999);
  assert.equal(await statusOf(verifier, long), 'valid');
  pass(1);
  assert.equal(await statusOf(verifier, long), 'refused');
});

test('refuses a token that differs from a remembered one in one character, and forgets one after a thousand others', async (t) => {
  const { issuer, verifier, pass } = await setUp(t);
  const first = await issuer.token();
  assert.equal(await statusOf(verifier, first), 'valid');
  const [header, payload, signature = ''] = first.split('.');
  const other = signature.startsWith('A') ? 'B' : 'A';
  assert.equal(await statusOf(verifier, `${header}.${payload}.${other}${signature.slice(1)}`), 'refused');
  for (let index = 0; index < 1000; index += 1) await verifier.verify(await issuer.token({ jti: String(index) }));
  await issuer.rotate();
  pass(30_000);
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  assert.equal(await statusOf(verifier, first), 'refused');
});

test('gives each request a caller of its own, so that no tool can change the next one’s scopes', async (t) => {
  const { issuer, verifier } = await setUp(t);
  const token = await issuer.token({ scope: 'mcp' });
  for (let request = 0; request < 2; request += 1) {
    const result = await verifier.verify(token);
    assert.ok(result.status === 'valid');
    const { authInfo } = result.caller;
    assert.deepEqual(authInfo?.scopes, ['mcp']);
    assert.equal(authInfo?.resource?.href, AUDIENCE);
    authInfo.scopes.push('admin');
    authInfo.resource.pathname = '/other';
  }
});

test('verifies offline with cached keys, without contacting the issuer', async (t) => {
  const { issuer, verifier, keyRequests } = await setUp(t);
  const offline = async (token: string) => (await verifier.verify(token, { isOffline: true })).status;
  assert.equal(await offline(await issuer.token()), 'unavailable');
  assert.equal(keyRequests(), 0);
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  assert.equal(await offline(await issuer.token({ jti: 'another' })), 'valid');
  await issuer.rotate();
  // Its key may be new: only the issuer could tell.
  assert.equal(await offline(await issuer.token()), 'unavailable');
  assert.equal(keyRequests(), 1);
});

test('does not verify offline with keys older than ten minutes, which the issuer may have withdrawn', async (t) => {
  const { issuer, verifier, clock, pass } = await setUp(t);
  const token = await issuer.token({ exp: clock.now() / 1000 + 3600 });
  assert.equal(await statusOf(verifier, token), 'valid');
  pass(10 * 60_000 - 1);
  assert.equal((await verifier.verify(token, { isOffline: true })).status, 'valid');
  pass(60_000);
  assert.equal((await verifier.verify(token, { isOffline: true })).status, 'unavailable');
});

test('fetches keys for unknown key ids at most once in half a minute', async (t) => {
  const { issuer, verifier, pass, keyRequests } = await setUp(t);
  assert.equal(await statusOf(verifier, await issuer.token()), 'valid');
  const stranger = await testIssuer();
  for (let count = 0; count < 20; count += 1) assert.equal(await statusOf(verifier, await stranger.token()), 'refused');
  assert.equal(keyRequests(), 1);
  pass(30_000);
  for (let count = 0; count < 20; count += 1) assert.equal(await statusOf(verifier, await stranger.token()), 'refused');
  assert.equal(keyRequests(), 2);
});

test('drops keys after ten minutes, so that a withdrawn one stops working', async (t) => {
  const { issuer, verifier, clock, pass } = await setUp(t);
  const old = await issuer.token({ exp: clock.now() / 1000 + 3600 });
  assert.equal(await statusOf(verifier, old), 'valid');
  await issuer.rotate();
  pass(9 * 60_000);
  assert.equal(await statusOf(verifier, old), 'valid');
  pass(60_000);
  assert.equal(await statusOf(verifier, old), 'refused');
});

const AWAY: Record<string, (request: Request) => Promise<Response>> = {
  'cannot be reached': () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') })),
  'answers 500': async () => new Response('oops', { status: 500 }),
  'answers with a page': async () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
  'answers with other JSON': async () => Response.json({ error: 'temporarily_unavailable' }),
  redirects: async () => Response.redirect('https://elsewhere.example/', 302),
};

for (const [what, answer] of Object.entries(AWAY)) {
  test(`is unavailable while the issuer ${what}, leaves it alone for five seconds, and recovers after that`, async (t) => {
    const { issuer, verifier, pass, lines } = await setUp(t);
    const token = await issuer.token();
    issuer.instead = answer;
    assert.equal(await statusOf(verifier, token), 'unavailable');
    const asked = issuer.asked.length;
    assert.equal(await statusOf(verifier, token), 'unavailable');
    assert.equal(issuer.asked.length, asked);
    const [warning] = linesAt('warn', lines);
    assert.deepEqual(
      [warning?.msg, warning?.['endpoint']],
      ['the authorization server has no usable metadata', 'jwks_uri'],
    );
    issuer.instead = undefined;
    pass(5000);
    assert.equal(await statusOf(verifier, token), 'valid');
  });

  test(`is unavailable while its keys are at an address that ${what}`, async (t) => {
    const { issuer, verifier, pass, keyRequests } = await setUp(t);
    const token = await issuer.token();
    issuer.instead = async (request) =>
      request.url.endsWith('/jwks') ? answer(request) : Response.json(issuer.metadata);
    assert.equal(await statusOf(verifier, token), 'unavailable');
    assert.equal(await statusOf(verifier, token), 'unavailable');
    assert.equal(keyRequests(), 1);
    issuer.instead = undefined;
    pass(5000);
    assert.equal(await statusOf(verifier, token), 'valid');
  });
}

test('uses cached keys while the issuer is unavailable, until they are ten minutes old', async (t) => {
  const { issuer, verifier, clock, pass } = await setUp(t);
  const token = await issuer.token({ exp: clock.now() / 1000 + 3600 });
  assert.equal(await statusOf(verifier, token), 'valid');
  issuer.instead = AWAY['cannot be reached'];
  pass(9 * 60_000);
  assert.equal(await statusOf(verifier, token), 'valid');
  // Its key may be a new one, so it cannot be verified now.
  assert.equal(await statusOf(verifier, await (await testIssuer()).token()), 'unavailable');
  pass(60_000);
  assert.equal(await statusOf(verifier, token), 'unavailable');
});

test('is unavailable after five seconds without an answer from any location, and leaves no timer', async (t) => {
  const { issuer, verifier, clock, pass } = await setUp(t);
  const token = await issuer.token();
  issuer.instead = neverAnswers;
  const verifying = verifier.verify(token);
  await settled();
  assert.notEqual(clock.pending, 0);
  // The locations share the time.
  for (let location = 0; location < 2; location += 1) {
    pass(5000 / 2);
    await settled();
  }
  assert.equal((await verifying).status, 'unavailable');
  assert.equal(clock.pending, 0);
});
