import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hono } from 'hono';
import { browserAccess } from '../../src/security/cors.ts';
import {
  messagesIn,
  initializeRequest,
  JSON_HEADERS,
  modernRequest,
  openSession,
  rpc,
  testApp,
} from '../support/app.ts';
import { logLines } from '../support/log-lines.ts';

const ORIGIN = 'https://app.example.com';
const ENV = { MCP_ALLOWED_ORIGINS: ORIGIN };

function corsHeaders(response: Response): string[] {
  return [...response.headers.keys()].filter((name) => name.startsWith('access-control-'));
}

/** Names in a header that is a list, in lower case. */
function listed(response: Response, name: string): string[] {
  return (response.headers.get(name) ?? '').split(',').map((part) => part.trim().toLowerCase());
}

/** Headers that clients of each era send, and that browsers do not allow by default. */
const SENT: [what: string, method: string, headers: string[]][] = [
  ['initialize', 'POST', ['content-type', 'authorization']],
  ['a call in a session', 'POST', ['content-type', 'authorization', 'mcp-session-id', 'mcp-protocol-version']],
  ['a GET stream', 'GET', ['authorization', 'mcp-session-id', 'mcp-protocol-version', 'last-event-id']],
  ['the end of a session', 'DELETE', ['authorization', 'mcp-session-id', 'mcp-protocol-version']],
  [
    'a modern call',
    'POST',
    ['content-type', 'authorization', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-region'],
  ],
];

for (const [what, method, headers] of SENT) {
  test(`answers 204 to the preflight of ${what}, and allows its method and headers`, async () => {
    const response = await testApp(ENV, { authenticate: () => assert.fail('a preflight carries no token') }).request(
      'OPTIONS',
      {
        headers: {
          origin: ORIGIN,
          'access-control-request-method': method,
          'access-control-request-headers': headers.join(','),
        },
      },
    );
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('access-control-allow-origin'), ORIGIN);
    assert.ok(listed(response, 'access-control-allow-methods').includes(method.toLowerCase()));
    const allowed = listed(response, 'access-control-allow-headers');
    assert.deepEqual(
      headers.filter((name) => !allowed.includes(name)),
      [],
    );
    assert.equal(response.headers.get('access-control-max-age'), '7200');
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
    assert.ok(listed(response, 'vary').includes('origin'));
  });
}

const legacyHeaders = { ...JSON_HEADERS, origin: ORIGIN };
const modern = modernRequest('tools/list', {}, { headers: { origin: ORIGIN } });
const unknown = modernRequest('no/such', {}, { headers: { origin: ORIGIN } });

/** Answers of every kind, which pages must be able to read. */
const ANSWERS: [what: string, status: number, method: string, headers: Record<string, string>, body?: unknown][] = [
  ['initialize', 200, 'POST', legacyHeaders, initializeRequest()],
  ['a modern call', 200, 'POST', modern.headers, modern.body],
  ['a body that is not JSON', 400, 'POST', legacyHeaders, '{'],
  ['a call without a session', 400, 'POST', legacyHeaders, rpc('tools/list')],
  ['a call in an unknown session', 404, 'POST', { ...legacyHeaders, 'mcp-session-id': 'x' }, rpc('tools/list')],
  ['an unknown modern method', 404, 'POST', unknown.headers, unknown.body],
  ['another method', 405, 'PUT', { origin: ORIGIN }],
  ['a type it does not have', 406, 'POST', { ...legacyHeaders, accept: 'text/html' }, rpc('tools/list')],
  ['a body of another type', 415, 'POST', { origin: ORIGIN, 'content-type': 'text/plain' }, 'x'],
];

for (const [what, status, method, headers, body] of ANSWERS) {
  test(`lets an allowed page read the ${status} to ${what}`, async () => {
    const response = await testApp(ENV).request(method, { headers, body });
    assert.equal(response.status, status);
    assert.equal(response.headers.get('access-control-allow-origin'), ORIGIN);
    assert.ok(listed(response, 'vary').includes('origin'));
    const exposed = listed(response, 'access-control-expose-headers');
    for (const name of ['mcp-session-id', 'mcp-protocol-version', 'www-authenticate', 'retry-after'])
      assert.ok(exposed.includes(name), name);
  });
}

test('lets an allowed page read the 401 to a call without a token, and its challenge', async () => {
  const challenge = new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } });
  const response = await testApp(ENV, { authenticate: async () => challenge }).request('POST', {
    headers: legacyHeaders,
    body: initializeRequest(),
  });
  assert.equal(response.status, 401);
  assert.equal(response.headers.get('www-authenticate'), 'Bearer');
  assert.equal(response.headers.get('access-control-allow-origin'), ORIGIN);
  assert.ok(listed(response, 'access-control-expose-headers').includes('www-authenticate'));
});

test('lets an allowed page read the 500 to a call that ran into a bug', async () => {
  const app = testApp({ ...ENV, LOG_LEVEL: 'silent' }, { authenticate: () => Promise.reject(new Error('a bug')) });
  const response = await app.request('POST', { headers: legacyHeaders, body: initializeRequest() });
  assert.equal(response.status, 500);
  assert.equal(response.headers.get('access-control-allow-origin'), ORIGIN);
});

test('lets an allowed page read answers and streams', async () => {
  const session = await openSession(testApp(ENV), { origin: ORIGIN });
  const answer = await session.post(rpc('tools/list'));
  assert.equal(answer.headers.get('access-control-allow-origin'), ORIGIN);
  assert.equal(messagesIn(await answer.text()).length, 1);
  const stream = await session.get();
  assert.equal(stream.headers.get('access-control-allow-origin'), ORIGIN);
  await stream.body?.cancel();
});

test('sends no CORS header to a page of a refused origin', async () => {
  for (const method of ['OPTIONS', 'POST', 'GET']) {
    const headers = { ...JSON_HEADERS, origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    const response = await testApp(ENV).request(method, { headers });
    assert.equal(response.status, 403);
    assert.deepEqual(corsHeaders(response), []);
  }
});

test('sends no CORS header without an Origin', async () => {
  const app = testApp(ENV);
  const responses = [
    await app.request('POST', { headers: JSON_HEADERS, body: initializeRequest() }),
    await app.request('POST', { headers: JSON_HEADERS, body: '{' }),
    await app.request('OPTIONS'),
  ];
  assert.deepEqual(responses.map(corsHeaders), [[], [], []]);
});

test('logs a preflight, and does not answer one to another host', async () => {
  const app = testApp({ ...ENV, LOG_LEVEL: 'debug' });
  const headers = { origin: ORIGIN, 'access-control-request-method': 'POST' };
  assert.equal((await app.request('OPTIONS', { headers })).status, 204);
  const [line] = logLines(app.lines);
  assert.deepEqual(
    [line?.level, line?.msg, line?.['method'], line?.['path'], line?.['status']],
    ['debug', 'request', 'OPTIONS', '/mcp', 204],
  );
  const refused = await app.request('OPTIONS', { headers: { ...headers, host: 'evil.example' } });
  assert.equal(refused.status, 403);
  assert.deepEqual(corsHeaders(refused), []);
});

test('leaves failures to the error handler', async () => {
  const app = new Hono();
  app.use(browserAccess());
  app.all('*', () => {
    throw new Error('a bug');
  });
  app.onError((error, c) => c.text(`said elsewhere: ${error.message}`, 500));
  for (const headers of [{}, { origin: ORIGIN }]) {
    const response = await app.fetch(new Request('http://localhost/mcp', { headers }));
    assert.equal(await response.text(), 'said elsewhere: a bug');
  }
});
