import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Authenticate } from '../../src/auth/bearer.ts';
import type { Caller } from '../../src/auth/caller.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { RateCounter } from '../../src/contracts/rate-counter.ts';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { listen } from '../../src/node/listen.ts';
import { rateLimited } from '../../src/security/rate-limit.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { modernRequest, testApp, URL_OF_APP, type TestApp, type TestAppOptions } from '../support/app.ts';
import { OAUTH, testIssuer } from '../support/issuer.ts';
import { assertRefused } from '../support/refusal.ts';
import { bearer, principalOf } from '../support/session-app.ts';
import { linesAt } from '../support/log-lines.ts';

const TOKENS = { MCP_AUTH_TOKENS: `alice:${'a'.repeat(32)},bob:${'b'.repeat(32)}` };
const [ALICE, BOB] = [bearer('a'.repeat(32)), bearer('b'.repeat(32))];
const limited = { status: 429, code: -32000 };

/** Time that a test sets: the library tells it by `Date`, and forgets by timers. */
function setTime(t: TestContext): { pass: (milliseconds: number) => void } {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 0 });
  return { pass: (milliseconds) => t.mock.timers.tick(milliseconds) };
}

/** An app whose requests come from the address in their `x-test-address` header. */
function appWithAddresses(env: Record<string, string>, options: TestAppOptions = {}): TestApp {
  return testApp(env, {
    ...options,
    connInfo: (c) => ({ remote: { address: c.req.header('x-test-address') ?? '1.1.1.1' } }),
  });
}

async function statuses(app: TestApp, count: number, headers: Record<string, string> = {}): Promise<number[]> {
  const answers: number[] = [];
  for (let index = 0; index < count; index += 1) {
    answers.push((await app.request('POST', modernRequest('tools/list', {}, { headers }))).status);
  }
  return answers;
}

test('answers 429 with Retry-After beyond the limit of a principal, and to no other principal', async (t) => {
  const { pass } = setTime(t);
  const app = appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '3' });
  assert.deepEqual(await statuses(app, 3, ALICE), [200, 200, 200]);
  pass(20_000);
  // Whatever the address.
  const request = modernRequest('tools/list', {}, { headers: { ...ALICE, 'x-test-address': '2.2.2.2' } });
  await assertRefused(await app.request('POST', request), { ...limited, headers: { 'retry-after': '40' } });
  assert.deepEqual(await statuses(app, 3, BOB), [200, 200, 200]);
  pass(40_000);
  assert.deepEqual(await statuses(app, 4, ALICE), [200, 200, 200, 429]);
});

test('counts requests of every method and era, and those without a token by address', async (t) => {
  setTime(t);
  const app = appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '3' });
  for (const method of ['GET', 'DELETE', 'POST']) assert.equal((await app.request(method)).status, 401);
  await assertRefused(await app.request('GET'), limited);
  assert.equal((await app.request('GET', { headers: { 'x-test-address': '2.2.2.2' } })).status, 401);
  assert.deepEqual(await statuses(app, 1, ALICE), [200]);
});

test('counts unauthenticated callers by address', async (t) => {
  setTime(t);
  const exposed = { HOST: '0.0.0.0', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true', MCP_RATE_LIMIT: '2' };
  const app = appWithAddresses(exposed);
  assert.deepEqual(await statuses(app, 3), [200, 200, 429]);
  assert.deepEqual(await statuses(app, 1, { 'x-test-address': '2.2.2.2' }), [200]);
});

test('counts nothing on loopback without authorization, nor when the limit is 0', async () => {
  assert.deepEqual(new Set(await statuses(appWithAddresses({ MCP_RATE_LIMIT: '1' }), 5)), new Set([200]));
  assert.deepEqual(
    new Set(await statuses(appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '0' }), 5, ALICE)),
    new Set([200]),
  );
});

test('trusts X-Forwarded-For as far as MCP_TRUST_PROXY says', async (t) => {
  setTime(t);
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const exposed = { HOST: '0.0.0.0', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true', MCP_RATE_LIMIT: '1' };
  const trusting = appWithAddresses({ ...exposed, MCP_TRUST_PROXY: '1.1.1.1' });
  assert.deepEqual(await statuses(trusting, 2, from('3.3.3.3')), [200, 429]);
  assert.deepEqual(await statuses(trusting, 2, from('4.4.4.4')), [200, 429]);
  const wary = appWithAddresses(exposed);
  assert.deepEqual(await statuses(wary, 1, from('3.3.3.3')), [200]);
  assert.deepEqual(await statuses(wary, 1, from('4.4.4.4')), [429]);
});

test('stops asking about the tokens of an address after a hundred were refused within a minute', async (t) => {
  const { pass } = setTime(t);
  const lines: string[] = [];
  const log = createLogger({ level: 'info', write: (line) => lines.push(line) });
  let verified = 0;
  const authenticate: Authenticate = async (request, { isOffline = false } = {}) => {
    const token = request.headers.get('authorization')?.slice('Bearer '.length);
    if (token === 'static') return { principal: principalOf('ci') };
    if (token === undefined) return new Response(null, { status: 401 });
    if (token === 'narrow') return new Response(null, { status: 403 });
    if (isOffline) return new Response(null, { status: 503 });
    verified += 1;
    return token === 'good' ? { principal: principalOf('alice') } : new Response(null, { status: 401 });
  };
  const admit = rateLimited(authenticate, { limit: 1000, log });
  const ask = (headers: Record<string, string>, address = '1.1.1.1') =>
    admit(new Request(URL_OF_APP, { headers }), { addressOf: () => address, requestId: 'r' });

  for (let index = 0; index < 200; index += 1) await ask({});
  assert.ok(!((await ask(bearer('good'))) instanceof Response), 'requests without a token do not count');
  for (let index = 0; index < 100; index += 1) await ask(bearer('bad'));
  const before = verified;
  const last = await ask(bearer('bad'));
  assert.ok(last instanceof Response && last.status === 429);
  const right = await ask(bearer('good'));
  assert.ok(right instanceof Response && right.status === 429);
  assert.equal(verified, before + 1);
  assert.ok(!((await ask(bearer('static'))) instanceof Response), 'a static token does not need the issuer');
  // Sign-in and step-up go on, for everyone behind the address.
  for (const [headers, status] of [
    [{}, 401],
    [bearer('narrow'), 403],
  ] as const) {
    const refused = await ask(headers);
    assert.ok(refused instanceof Response && refused.status === status);
  }
  assert.ok(!((await ask(bearer('good'), '2.2.2.2')) instanceof Response));
  assert.equal(lines.length, 1);
  const [warning] = linesAt('warn', lines);
  assert.match(warning?.msg ?? '', /^too many refused tokens from one address; /);
  assert.equal(warning?.['address'], '1.1.1.1');
  pass(60_000);
  assert.ok(!((await ask(bearer('good'))) instanceof Response));
});

test('does not contact the issuer for an address beyond the limit, but accepts tokens that cached keys verify', async (t) => {
  const { pass } = setTime(t);
  const issuer = await testIssuer();
  const stranger = await testIssuer();
  const app = appWithAddresses(OAUTH, { fetch: issuer.fetch });
  const statusOf = async (token: string, address = '1.1.1.1') =>
    (await statuses(app, 1, { ...bearer(token), 'x-test-address': address }))[0];
  assert.equal(await statusOf(await issuer.token()), 200);
  await statuses(app, 101, bearer('opaque'));
  // By now, an unknown key would make the server fetch the keys again.
  pass(31_000);
  const asked = issuer.asked.length;
  for (const token of ['opaque', await stranger.token()]) assert.equal(await statusOf(token), 429);
  assert.equal(await statusOf(await issuer.token({ jti: 'another' })), 200);
  assert.equal(issuer.asked.length, asked);
  assert.equal(await statusOf(await stranger.token(), '2.2.2.2'), 401);
  assert.equal(issuer.asked.length, asked + 1);
});

test('does not introspect tokens of an address beyond the limit', async (t) => {
  setTime(t);
  const issuer = await testIssuer();
  const client = { MCP_INTROSPECTION_CLIENT_ID: 'me', MCP_INTROSPECTION_CLIENT_SECRET: 'secret' };
  const app = appWithAddresses({ ...OAUTH, ...client }, { fetch: issuer.fetch });
  await statuses(app, 101, bearer('opaque'));
  const asked = issuer.asked.length;
  const request = modernRequest('tools/list', {}, { headers: bearer('opaque') });
  await assertRefused(await app.request('POST', request), { ...limited, headers: { 'retry-after': '60' } });
  assert.equal(issuer.asked.length, asked);
});

test('begins a new window after the machine was suspended, even if no timer has fired', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 0 });
  const log = createLogger({ level: 'silent', write: () => {} });
  const offline: (boolean | undefined)[] = [];
  const admit = rateLimited(
    async (_request, how) => {
      offline.push(how?.isOffline);
      return new Response(null, { status: 401 });
    },
    { limit: 1000, log },
  );
  const ask = () =>
    admit(new Request(URL_OF_APP, { headers: bearer('bad') }), { addressOf: () => '1.1.1.1', requestId: 'r' });
  for (let index = 0; index < 102; index += 1) await ask();
  assert.equal(offline.at(-1), true);
  t.mock.timers.setTime(60_000);
  const response = await ask();
  assert.ok(response instanceof Response && response.status === 401);
  assert.equal(offline.at(-1), false);
});

for (const status of [403, 503]) {
  test(`does not count a token that was answered ${status} as refused`, async (t) => {
    setTime(t);
    const log = createLogger({ level: 'silent', write: () => {} });
    let answer: Caller | Response = new Response(null, { status });
    const admit = rateLimited(async () => answer, { limit: 1000, log });
    const ask = () =>
      admit(new Request(URL_OF_APP, { headers: bearer('good') }), { addressOf: () => '1.1.1.1', requestId: 'r' });
    for (let index = 0; index < 101; index += 1) await ask();
    answer = { principal: principalOf('alice') };
    assert.equal(await ask(), answer);
  });
}

test('counts a limited number of addresses separately, and the rest together', async (t) => {
  const { pass } = setTime(t);
  const log = createLogger({ level: 'silent', write: () => {} });
  const admit = rateLimited(async () => ({}), { limit: 10, log });
  const request = new Request(URL_OF_APP);
  const ask = (address: string) => admit(request, { addressOf: () => address, requestId: 'r' });
  for (let index = 0; index < 50_000; index += 1) await ask(`address ${index}`);
  const answers: boolean[] = [];
  for (let index = 0; index < 11; index += 1) answers.push((await ask(`newcomer ${index}`)) instanceof Response);
  assert.deepEqual(answers, [...Array<boolean>(10).fill(false), true]);
  assert.ok(!((await ask('address 7')) instanceof Response));
  pass(60_000);
  assert.ok(!((await ask('newcomer 11')) instanceof Response));
});

test('logs once in each window that a limit was exceeded, without naming the principal', async (t) => {
  const { pass } = setTime(t);
  const app = appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '2', LOG_LEVEL: 'info' });
  await statuses(app, 10, ALICE);
  assert.equal(app.lines.length, 1);
  const [warning] = linesAt('warn', app.lines);
  assert.match(warning?.msg ?? '', /^more requests from one principal than MCP_RATE_LIMIT /);
  assert.equal(warning?.['address'], '1.1.1.1');
  assert.doesNotMatch(app.lines[0] ?? '', /alice/);
  pass(60_000);
  await statuses(app, 3, ALICE);
  assert.equal(app.lines.length, 2);
});

for (const [what, method, headers] of [
  ['a POST', 'POST', {}],
  ['a GET', 'GET', {}],
  ['a page', 'POST', { origin: 'http://localhost:6274' }],
] as const) {
  test(`takes the address of ${what} from the socket when it listens on one`, async (t) => {
    const config = loadConfig({ ...TOKENS, MCP_RATE_LIMIT: '1', PORT: '0' });
    const app = testApp({ ...TOKENS, MCP_RATE_LIMIT: '1' }, { connInfo: getConnInfo });
    const listener = await listen(app, config);
    t.after(() => listener.close());
    const url = `http://127.0.0.1:${listener.port}/mcp`;
    for (const [forwarded, status] of [
      ['3.3.3.3', 401],
      ['4.4.4.4', 429],
    ] as const) {
      const response = await fetch(url, { method, headers: { ...headers, 'x-forwarded-for': forwarded } });
      await response.body?.cancel();
      assert.equal(response.status, status);
    }
    const [warning] = linesAt('warn', app.lines);
    assert.match(warning?.msg ?? '', /more requests from one address than/);
    assert.equal(warning?.['address'], '127.0.0.1');
  });
}

/** Counts that several apps share, in windows without an end. */
function sharedCounter(): RateCounter & { isAvailable: boolean } {
  const counts = new Map<string, number>();
  return {
    isAvailable: true,
    async add(name, key, points, windowSeconds) {
      if (!this.isAvailable) throw new UnavailableError('gone');
      const total = (counts.get(`${name} ${key}`) ?? 0) + points;
      counts.set(`${name} ${key}`, total);
      return { points: total, msLeft: windowSeconds * 1000 };
    },
  };
}

test('counts on all nodes together, and on each alone while that is impossible', async (t) => {
  setTime(t);
  const rateCounter = sharedCounter();
  const [one, two] = [0, 1].map(() => appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '4' }, { rateCounter }));
  assert.ok(one && two);
  assert.deepEqual(await statuses(one, 2, ALICE), [200, 200]);
  assert.deepEqual(await statuses(two, 3, ALICE), [200, 200, 429]);
  assert.deepEqual(await statuses(two, 1, BOB), [200]);
  rateCounter.isAvailable = false;
  assert.deepEqual(await statuses(one, 3, BOB), [200, 200, 200], 'the other one is not counted');
  assert.deepEqual(await statuses(two, 4, BOB), [200, 200, 200, 429], 'what was counted before still is');
});

test('counts refused tokens on all nodes together', async (t) => {
  setTime(t);
  const rateCounter = sharedCounter();
  const [one, two] = [0, 1].map(() => appWithAddresses({ ...TOKENS, MCP_RATE_LIMIT: '1000' }, { rateCounter }));
  assert.ok(one && two);
  const answers = [...(await statuses(one, 60, bearer('x'))), ...(await statuses(two, 41, bearer('x')))];
  assert.deepEqual(answers, [...Array<number>(100).fill(401), 429]);
});
