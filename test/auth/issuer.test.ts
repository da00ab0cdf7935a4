import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIssuer, type Issuer } from '../../src/auth/issuer.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { ISSUER, neverAnswers, testIssuer, type TestIssuer } from '../support/issuer.ts';
import { settled } from '../support/time.ts';

async function setUp(
  url = ISSUER,
  address?: string,
): Promise<{ server: TestIssuer; issuer: Issuer; clock: ManualClock; lines: string[] }> {
  const clock = manualClock();
  const server = await testIssuer({ issuer: url, clock });
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  const issuer = createIssuer({ issuer: url, address, fetch: server.fetch, clock, log });
  return { server, issuer, clock, lines };
}

const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

for (const [url, locations] of Object.entries({
  [ISSUER]: [RFC8414, OPENID],
  [`${ISSUER}/`]: [RFC8414, OPENID],
  [`${ISSUER}/realms/one`]: [`${RFC8414}/realms/one`, `${OPENID}/realms/one`, `/realms/one${OPENID}`],
  'http://localhost:9000/a/': [`${RFC8414}/a`, `${OPENID}/a`, `/a${OPENID}`],
})) {
  test(`looks for the metadata of ${url} in the locations of the specification, in order`, async () => {
    const { server, issuer } = await setUp(url);
    server.locations = locations.slice(-1);
    const endpoint = await issuer.find('jwks_uri');
    assert.equal(endpoint?.href, `${url}/jwks`);
    const { origin } = new URL(url);
    assert.deepEqual(
      server.asked,
      locations.map((path) => `GET ${origin}${path}`),
    );
  });
}

const INSIDE = 'http://keycloak:8080';
const NAME = 'https://auth.example.com/realms/one';

for (const [what, metadata, endpoint] of [
  ['in the name of the issuer', { jwks_uri: `${NAME}/certs?a=b` }, `${INSIDE}/realms/one/certs?a=b`],
  ['beside the realm', { jwks_uri: 'https://auth.example.com/certs' }, `${INSIDE}/certs`],
  ['at its address', { jwks_uri: `${INSIDE}/realms/one/certs` }, `${INSIDE}/realms/one/certs`],
  ['elsewhere', { jwks_uri: 'https://keys.example.com/certs' }, 'https://keys.example.com/certs'],
  ['elsewhere without TLS', { jwks_uri: 'http://keys.example.com/certs' }, undefined],
  ['at another port', { jwks_uri: 'http://keycloak:9090/certs' }, undefined],
  ['at the name of the issuer without TLS', { jwks_uri: 'http://auth.example.com/certs' }, undefined],
  ['in the metadata of the address', { issuer: `${INSIDE}/realms/one` }, undefined],
] as const) {
  test(`fetches metadata only from the address of the issuer, and finds keys ${what}: ${endpoint ?? 'none'}`, async () => {
    const { server, issuer } = await setUp(NAME, INSIDE);
    Object.assign(server.metadata, metadata);
    const paths = [`${RFC8414}/realms/one`, `${OPENID}/realms/one`, `/realms/one${OPENID}`];
    server.locations = paths.slice(-1);
    assert.equal((await issuer.find('jwks_uri'))?.href, endpoint);
    assert.deepEqual(
      server.asked,
      paths.map((path) => `GET ${INSIDE}${path}`),
    );
  });
}

test('tries the next location when one does not answer within its share of the time', async () => {
  const { server, issuer, clock } = await setUp();
  server.instead = (request) =>
    request.url.endsWith(OPENID) ? Promise.resolve(Response.json(server.metadata)) : neverAnswers(request);
  const finding = issuer.find('jwks_uri');
  await settled();
  clock.advance(2500);
  assert.equal((await finding)?.href, `${ISSUER}/jwks`);
});

test('tries the next location when a document lacks the endpoint', async () => {
  const { server, issuer } = await setUp();
  server.instead = async ({ url }) =>
    Response.json(url.endsWith(OPENID) ? server.metadata : { ...server.metadata, jwks_uri: undefined });
  assert.equal((await issuer.find('jwks_uri'))?.href, `${ISSUER}/jwks`);
});

for (const [what, change] of Object.entries({
  'of another issuer': { issuer: 'https://evil.example' },
  'of the issuer with a trailing slash': { issuer: `${ISSUER}/` },
  'without an issuer': { issuer: undefined },
  'whose keys are not behind https': { jwks_uri: 'http://issuer.example/jwks' },
  'whose keys are on this machine': { jwks_uri: 'http://127.0.0.1/jwks' },
  'whose keys are in a file': { jwks_uri: 'file:///etc/passwd' },
  'whose jwks_uri is not a URL': { jwks_uri: 'nowhere' },
})) {
  test(`ignores metadata ${what}, and logs where it found it`, async () => {
    const { server, issuer, lines } = await setUp();
    Object.assign(server.metadata, change);
    assert.equal(await issuer.find('jwks_uri'), undefined);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /level=warn .*endpoint=jwks_uri why=".*oauth-authorization-server: /);
    assert.equal(
      server.asked.some((line) => line.endsWith('/jwks')),
      false,
    );
  });
}

test('caches endpoints for an hour, and longer while the issuer is unavailable', async () => {
  const { server, issuer, clock } = await setUp();
  await issuer.find('jwks_uri');
  clock.advance(60 * 60_000 - 1);
  await issuer.find('jwks_uri');
  assert.equal(server.asked.length, 1);
  clock.advance(1);
  server.instead = () => Promise.reject(new Error('unavailable'));
  assert.equal((await issuer.find('jwks_uri'))?.href, `${ISSUER}/jwks`);
  assert.equal(server.asked.length, 3);
  server.instead = undefined;
  server.metadata['jwks_uri'] = `${ISSUER}/new/jwks`;
  clock.advance(5000);
  assert.equal((await issuer.find('jwks_uri'))?.href, `${ISSUER}/new/jwks`);
});

test('logs why none of the addresses of its host can be reached', async () => {
  const { server, issuer, lines } = await setUp();
  const refusals = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:443`));
  server.instead = () => Promise.reject(new TypeError('fetch failed', { cause: new AggregateError(refusals) }));
  assert.equal(await issuer.find('jwks_uri'), undefined);
  assert.match(lines[0] ?? '', /: fetch failed: connect ECONNREFUSED ::1:443, connect ECONNREFUSED 127\.0\.0\.1:443;/);
});

for (const endsWithRequest of [false, true]) {
  const how = endsWithRequest ? 'asks for itself where what another one waits for may end' : 'shares the answer';
  test(`a request that needs an endpoint while another one asks for it ${how}`, async () => {
    const clock = { ...manualClock(), endsWithRequest };
    const server = await testIssuer({ issuer: ISSUER, clock });
    const log = createLogger({ level: 'silent', write: () => {} });
    const issuer = createIssuer({ issuer: ISSUER, fetch: server.fetch, clock, log });
    const urls = await Promise.all([issuer.find('jwks_uri'), issuer.find('jwks_uri')]);
    assert.deepEqual(
      urls.map((url) => url?.href),
      [`${ISSUER}/jwks`, `${ISSUER}/jwks`],
    );
    assert.equal(server.asked.length, endsWithRequest ? 2 : 1);
  });
}

test('does not follow redirects', async () => {
  const { server, issuer } = await setUp();
  let redirect: string | undefined;
  server.instead = async (request) => {
    ({ redirect } = request);
    return Response.redirect('http://169.254.169.254/', 302);
  };
  assert.equal(await issuer.find('jwks_uri'), undefined);
  assert.equal(redirect, 'manual');
});
