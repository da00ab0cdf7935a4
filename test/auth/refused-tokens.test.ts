/** Every token that must be refused, in both eras and with all methods. No part of any may be logged. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { UnsecuredJWT } from 'jose';
import { initializeRequest, JSON_HEADERS, modernRequest, testApp, type TestApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { AUDIENCE, ISSUER, OAUTH, testIssuer, type TestIssuer } from '../support/issuer.ts';

const clock = manualClock();
const STATIC = 'static-token-0123456789abcdefghijklmnop';
const SECRET = 'introspection-secret-value';

interface Presented {
  headers?: Record<string, string>;
  query?: string;
}

let issuer: TestIssuer;
let stranger: TestIssuer;
let apps: Record<string, TestApp>;
/** Everything that was sent and must not be in a log. */
const secrets = new Set<string>([STATIC, SECRET, 'alice', 'client-1', 'mallory']);

before(async () => {
  [issuer, stranger] = await Promise.all([testIssuer({ clock }), testIssuer({ clock })]);
  const env = { ...OAUTH, LOG_LEVEL: 'debug', MCP_RATE_LIMIT: '0', MCP_REQUIRED_SCOPES: 'mcp' };
  const introspection = { MCP_INTROSPECTION_CLIENT_ID: 'this-server', MCP_INTROSPECTION_CLIENT_SECRET: SECRET };
  const options = { clock, fetch: issuer.fetch };
  apps = {
    'signed tokens': testApp(env, options),
    'signed and static tokens': testApp({ ...env, MCP_AUTH_TOKENS: `ci:${STATIC}:mcp` }, options),
    'tokens that are introspected': testApp({ ...env, ...introspection }, options),
  };
});

const seconds = () => Math.floor(clock.now() / 1000);
const bearer = (token: string): Presented => ({ headers: { authorization: `Bearer ${token}` } });
const signed = async (claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<Presented> =>
  bearer(await issuer.token(claims, { header }));

/** HMAC with the public key as its secret, which the issuer publishes. */
async function signedWithPublicKey(): Promise<Presented> {
  const key = new TextEncoder().encode(JSON.stringify(issuer.publicJwk));
  return bearer(await issuer.token({}, { header: { alg: 'HS256' }, key }));
}

async function tampered(): Promise<Presented> {
  const [header, , signature] = (await issuer.token()).split('.');
  const [, payload] = (await issuer.token({ sub: 'mallory' })).split('.');
  return bearer([header, payload, signature].join('.'));
}

const unsigned = () =>
  new UnsecuredJWT({ sub: 'alice', client_id: 'client-1', scope: 'mcp' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setExpirationTime(seconds() + 300)
    .encode();

const ROWS: Record<string, () => Presented | Promise<Presented>> = {
  'no token': () => ({}),
  'an empty header': () => ({ headers: { authorization: '' } }),
  'a scheme alone': () => ({ headers: { authorization: 'Bearer' } }),
  'another scheme': () => ({ headers: { authorization: `Basic ${btoa('alice:secret')}` } }),
  'two tokens': async () => ({ headers: { authorization: `Bearer ${await issuer.token()}, Bearer x` } }),
  'a token followed by other text': async () => ({ headers: { authorization: `Bearer ${await issuer.token()} x` } }),
  'a critical header parameter that is unknown': async () => {
    const named = 'SECRET-FROM-TOKEN';
    secrets.add(named);
    const [, payload, signature] = (await issuer.token()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', crit: [named], [named]: 1 })).toString('base64url');
    return bearer([header, payload, signature].join('.'));
  },
  'a typ that is not a string': () => signed({}, { typ: 7 }),
  'characters that tokens cannot have': () => bearer('<script>'),
  'a malformed JWT': () => bearer('a.b.c'),
  'an unknown opaque token': () => bearer('mallory-0123456789'),
  'an encrypted JWT': () => bearer('eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA'),
  'the wrong issuer': () => signed({ iss: 'https://evil.example' }),
  'the issuer with a trailing slash': () => signed({ iss: `${ISSUER}/` }),
  'no issuer': () => signed({ iss: undefined }),
  'the wrong audience': () => signed({ aud: 'https://other.example/mcp' }),
  'a token of another resource of this host': () => signed({ aud: 'https://mcp.example.com/other' }),
  'the origin of this server as its audience': () => signed({ aud: 'https://mcp.example.com' }),
  'no audience, as from Cognito without resource binding': () =>
    signed({ aud: undefined, token_use: 'access' }, { typ: 'JWT' }),
  'an expired token': () => signed({ exp: seconds() - 60 }),
  'a token that is not valid yet': () => signed({ nbf: seconds() + 60 }),
  'no exp': () => signed({ exp: undefined }),
  'an exp that is not a number': () => signed({ exp: 'never' }),
  'alg none': () => bearer(unsigned()),
  'an HMAC with the public key': signedWithPublicKey,
  'a key that is not the issuer’s': async () =>
    bearer(await stranger.token({}, { header: { kid: issuer.publicJwk.kid } })),
  'an unknown kid': async () => bearer(await stranger.token()),
  'claims of one token and the signature of another': tampered,
  'no subject': () => signed({ sub: undefined }),
  'no client': () => signed({ client_id: undefined }),
  'a token that is bound to a key': () => signed({ cnf: { jkt: 'x' } }),
  'an ID token of its issuer': () =>
    signed({ aud: 'client-1', client_id: undefined, azp: 'client-1', nonce: 'n' }, { typ: 'JWT' }),
  'an ID token with scopes and a nonce': () => signed({ nonce: 'n' }, { typ: 'JWT' }),
  'an ID token of Keycloak': () => signed({ typ: 'ID' }, { typ: 'JWT' }),
  'an ID token of Cognito': () => signed({ token_use: 'id' }, { typ: undefined }),
  'a logout token': () => signed({}, { typ: 'logout+jwt' }),
  'a token in the query string': async () => ({ query: `?access_token=${await issuer.token()}` }),
  'a valid token next to one in the query string': async () => ({
    ...bearer(await issuer.token()),
    query: `?access_token=${await issuer.token()}`,
  }),
  'a static token without its first character': () => bearer(STATIC.slice(1)),
  'the name of a static token': () => bearer('ci'),
};

/** Requests of both eras, with each verb. */
const REQUESTS: Record<string, () => { method: string; headers: Record<string, string>; body?: unknown }> = {
  'a modern POST': () => ({ method: 'POST', ...modernRequest('tools/list') }),
  'a listening POST': () => ({ method: 'POST', ...modernRequest('subscriptions/listen', { notifications: {} }) }),
  'a legacy POST': () => ({ method: 'POST', headers: JSON_HEADERS, body: initializeRequest() }),
  'a GET': () => ({ method: 'GET', headers: { accept: 'text/event-stream', 'mcp-session-id': 'x' } }),
  'a DELETE': () => ({ method: 'DELETE', headers: { 'mcp-session-id': 'x' } }),
};

for (const [what, present] of Object.entries(ROWS)) {
  test(`answers 401 with a challenge to ${what}, with every verifier`, async () => {
    for (const [mode, app] of Object.entries(apps)) {
      for (const [name, request] of Object.entries(REQUESTS)) {
        const { headers = {}, query = '' } = await present();
        const { method, ...rest } = request();
        for (const sent of [headers['authorization'] ?? '', query]) {
          for (const part of sent.split(/[ .=]/)) if (part.length > 15) secrets.add(part);
        }
        const response = await app.request(method, {
          ...rest,
          path: `/mcp${query}`,
          headers: { ...rest.headers, ...headers },
        });
        const where = `${name}, ${mode}`;
        assert.equal(response.status, 401, where);
        const challenge = response.headers.get('www-authenticate') ?? '';
        assert.match(challenge, /^Bearer error="invalid_token", error_description="[^"]+", scope="mcp", /, where);
        assert.match(
          challenge,
          /resource_metadata="https:\/\/mcp\.example\.com\/\.well-known\/oauth-protected-resource\/mcp"$/,
        );
        const body = (await response.json()) as Record<string, unknown>;
        assert.equal(body['error'], 'invalid_token', where);
      }
    }
  });
}

test('accepts the valid tokens that these were derived from', async () => {
  issuer.introspect = () => ({
    active: true,
    sub: 'alice',
    client_id: 'client-1',
    aud: AUDIENCE,
    scope: 'mcp',
    exp: seconds() + 300,
  });
  for (const [mode, app] of Object.entries(apps)) {
    const token = await issuer.token();
    for (const part of token.split('.')) secrets.add(part);
    const response = await app.request('POST', modernRequest('tools/list', {}, bearer(token)));
    assert.equal(response.status, 200, mode);
  }
});

// The last one, so that the lines of the whole table are there.
test('logs nothing of any token, claim or secret, at debug', () => {
  const lines = Object.values(apps).flatMap((app) => app.lines);
  assert.ok(lines.length > 400);
  for (const secret of secrets) {
    assert.ok(!lines.some((line) => line.includes(secret)), `${secret} is in the log`);
  }
});
