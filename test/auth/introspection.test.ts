import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIntrospectionVerifier } from '../../src/auth/introspection.ts';
import { createIssuer } from '../../src/auth/issuer.ts';
import type { TokenVerifier } from '../../src/auth/bearer.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { AUDIENCE, ISSUER, neverAnswers, testIssuer, type TestIssuer } from '../support/issuer.ts';
import { settled } from '../support/time.ts';

const TOKEN = 'opaque-token-1';
const SECRET = 'pass:word +/é';

async function setUp(): Promise<{
  server: TestIssuer;
  verifier: TokenVerifier;
  clock: ManualClock;
  /** What the issuer answers about an active token. */
  active: (change?: Record<string, unknown>) => Record<string, unknown>;
}> {
  const clock = manualClock();
  const server = await testIssuer({ clock });
  const log = createLogger({ level: 'silent', write: () => {} });
  const issuer = createIssuer({ issuer: ISSUER, fetch: server.fetch, clock, log });
  const resource = { url: new URL(AUDIENCE), audience: AUDIENCE, metadataUrl: 'https://mcp.example.com/metadata' };
  const options = { issuer, resource, clock, clientId: 'my server', clientSecret: SECRET };
  const claims = {
    active: true,
    sub: 'alice',
    client_id: 'client-1',
    aud: AUDIENCE,
    scope: 'mcp slugs:batch',
    exp: clock.now() / 1000 + 300,
  };
  return {
    server,
    verifier: createIntrospectionVerifier(options),
    clock,
    active: (change) => ({ ...claims, ...change }),
  };
}

test('authenticates to the issuer as its client, and takes the caller from the answer', async () => {
  const { server, verifier, clock, active } = await setUp();
  let asked: { form: Record<string, string>; authorization: string } | undefined;
  server.introspect = (form, authorization) => {
    asked = { form: Object.fromEntries(form), authorization };
    return active();
  };
  const result = await verifier.verify(TOKEN);
  assert.ok(result.status === 'valid');
  assert.deepEqual(result.caller.principal, { issuer: ISSUER, subject: 'alice', client: 'client-1' });
  assert.deepEqual(result.caller.authInfo?.scopes, ['mcp', 'slugs:batch']);
  assert.equal(result.caller.authInfo?.expiresAt, clock.now() / 1000 + 300);
  assert.deepEqual(asked?.form, { token: TOKEN, token_type_hint: 'access_token' });
  // RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
  const credentials = Buffer.from('my+server:pass%3Aword+%2B%2F%C3%A9').toString('base64');
  assert.equal(asked?.authorization, `Basic ${credentials}`);
});

test('does not contact the issuer offline', async () => {
  const { server, verifier, active } = await setUp();
  server.introspect = () => active();
  assert.equal((await verifier.verify(TOKEN, { isOffline: true })).status, 'unavailable');
  assert.deepEqual(server.asked, []);
});

test('introspects every request, so that a revoked token is refused from the next one on', async () => {
  const { server, verifier, active } = await setUp();
  server.introspect = () => active();
  assert.equal((await verifier.verify(TOKEN)).status, 'valid');
  server.introspect = () => ({ active: false });
  assert.deepEqual(await verifier.verify(TOKEN), { status: 'refused', why: 'it is not active' });
  assert.equal(server.asked.filter((line) => line === `POST ${ISSUER}/introspect`).length, 2);
});

const REFUSED: Record<string, (now: number) => Record<string, unknown>> = {
  'of another issuer': () => ({ iss: 'https://evil.example' }),
  'for another server': () => ({ aud: 'https://other.example/mcp' }),
  'without an audience': () => ({ aud: undefined }),
  'without exp': () => ({ exp: undefined }),
  'that has expired': (now) => ({ exp: now - 10 }),
  'that is not valid yet': (now) => ({ nbf: now + 11 }),
  'whose nbf is not a number': () => ({ nbf: 'soon' }),
  'without a subject': () => ({ sub: undefined }),
  'without a client': () => ({ client_id: undefined }),
  'of another type': () => ({ token_type: 'DPoP' }),
  'that is bound to a key': () => ({ cnf: { jkt: 'x' } }),
};

for (const [what, change] of Object.entries(REFUSED)) {
  test(`refuses an active token ${what}`, async () => {
    const { server, verifier, clock, active } = await setUp();
    server.introspect = () => active(change(clock.now() / 1000));
    assert.equal((await verifier.verify(TOKEN)).status, 'refused');
  });
}

for (const change of [
  { aud: ['a', AUDIENCE] },
  { iss: ISSUER },
  { token_type: 'bearer' },
  { nbf: 0 },
  // As Ory Hydra answers.
  { token_use: 'access_token' },
  { scope: ['mcp'] },
  { scope: undefined, scp: 'mcp' },
]) {
  test(`accepts an active token with ${JSON.stringify(change)}`, async () => {
    const { server, verifier, active } = await setUp();
    server.introspect = () => active(change);
    assert.equal((await verifier.verify(TOKEN)).status, 'valid');
  });
}

const AWAY: Record<string, [answer: () => Promise<Response>, why: RegExp]> = {
  'does not know this server': [async () => new Response(null, { status: 401 }), /MCP_INTROSPECTION_CLIENT_ID/],
  'answers 500': [async () => new Response(null, { status: 500 }), /status 500/],
  'answers with a page': [async () => new Response('<html>'), /not an answer as in RFC 7662/],
  'answers with other JSON': [async () => Response.json({ active: 'yes' }), /not an answer as in RFC 7662/],
  'cannot be reached': [() => Promise.reject(new Error('ECONNREFUSED')), /ECONNREFUSED/],
};

for (const [what, [answer, why]] of Object.entries(AWAY)) {
  test(`is unavailable when the issuer ${what}, and says why without the token`, async () => {
    const { server, verifier } = await setUp();
    server.instead = (request) =>
      request.method === 'POST' ? answer() : Promise.resolve(Response.json(server.metadata));
    const result = await verifier.verify(TOKEN);
    assert.ok(result.status === 'unavailable');
    assert.match(result.why, why);
    assert.ok(!result.why.includes(TOKEN));
  });
}

test('is unavailable when the issuer has no introspection endpoint, or takes longer than five seconds', async () => {
  const { server, verifier, clock } = await setUp();
  server.metadata['introspection_endpoint'] = undefined;
  assert.equal((await verifier.verify(TOKEN)).status, 'unavailable');
  server.metadata['introspection_endpoint'] = `${ISSUER}/introspect`;
  clock.advance(5000);
  server.instead = (request) =>
    request.method === 'POST' ? neverAnswers(request) : Promise.resolve(Response.json(server.metadata));
  const verifying = verifier.verify(TOKEN);
  await settled();
  clock.advance(5000);
  assert.equal((await verifying).status, 'unavailable');
  assert.equal(clock.pending, 0);
});

for (const [what, claims] of Object.entries({
  'an ID token, by its nonce': { nonce: 'n' },
  'an ID token, by its token_use': { token_use: 'id' },
  'a refresh token, by its typ': { typ: 'Refresh' },
})) {
  test(`refuses a token that the issuer calls active but that is ${what}`, async () => {
    const { server, verifier, active } = await setUp();
    server.introspect = () => active(claims);
    assert.equal((await verifier.verify(TOKEN)).status, 'refused');
  });
}

test('is unavailable when the issuer answers with more than a megabyte', async () => {
  const { server, verifier, active } = await setUp();
  server.introspect = () => active({ more: 'x'.repeat(1024 * 1024) });
  assert.equal((await verifier.verify(TOKEN)).status, 'unavailable');
});
