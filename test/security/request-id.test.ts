import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initializeRequest, JSON_HEADERS, testApp, type TestApp } from '../support/app.ts';
import { logLines } from '../support/log-lines.ts';

const MADE = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID = 'a1b2-C3_d4.:=+/';

/** An app whose requests come from `address`. */
function appBehind(trusted: string, address?: string): TestApp {
  return testApp(
    { LOG_LEVEL: 'debug', MCP_TRUST_PROXY: trusted },
    address === undefined ? {} : { connInfo: () => ({ remote: { address } }) },
  );
}

/** The id that the answer to a request has, which must be the one in the log. */
async function idOf(app: TestApp, sent?: string): Promise<string> {
  const headers = sent === undefined ? {} : { 'x-request-id': sent };
  const response = await app.request('POST', {
    headers: { ...JSON_HEADERS, ...headers },
    body: initializeRequest(),
  });
  const id = response.headers.get('x-request-id') ?? '';
  assert.equal(logLines(app.lines).at(-1)?.['requestId'], id);
  return id;
}

for (const [what, app] of [
  ['one of a number of proxies', appBehind('1')],
  ['a proxy whose address is trusted', appBehind('10.0.0.0/8', '10.1.2.3')],
] as const) {
  test(`takes X-Request-Id from ${what}, and gives it back`, async () => {
    assert.equal(await idOf(app, ID), ID);
    assert.equal(await idOf(app, 'x'.repeat(128)), 'x'.repeat(128));
  });

  for (const [which, id] of [
    ['with a space', 'a b'],
    ['with quotes', 'a"b'],
    ['with a letter that is not ASCII', 'größe'],
    ['that is empty', ''],
    ['of more than 128 characters', 'x'.repeat(129)],
    ['that is sent twice', 'a, b'],
  ] as const) {
    test(`makes an id in place of one ${which}, even if it comes from ${what}`, async () => {
      assert.match(await idOf(app, id), MADE);
    });
  }
}

for (const [what, app] of [
  ['without a proxy', appBehind('0')],
  ['that comes from another address', appBehind('10.0.0.0/8', '192.0.2.1')],
  ['whose address is unknown', appBehind('10.0.0.0/8')],
] as const) {
  test(`makes an id for a request ${what}, whatever its X-Request-Id`, async () => {
    const ids = [await idOf(app, ID), await idOf(app), await idOf(app)];
    for (const id of ids) assert.match(id, MADE);
    assert.equal(new Set(ids).size, 3);
  });
}

test('lets pages read the id, and sends it with refusals and streams', async () => {
  const app = testApp({});
  const origin = 'http://localhost:1234';
  const read = await app.request('POST', { headers: { ...JSON_HEADERS, origin }, body: initializeRequest() });
  assert.match(read.headers.get('access-control-expose-headers') ?? '', /\bX-Request-Id\b/);
  const accept = 'text/event-stream';
  const stream = await app.request('POST', { headers: { ...JSON_HEADERS, accept }, body: initializeRequest() });
  assert.equal(stream.headers.get('content-type'), accept);
  const refused = await app.request('POST', { headers: { host: 'evil.example' } });
  for (const { headers } of [read, stream, refused]) assert.match(headers.get('x-request-id') ?? '', MADE);
  await stream.body?.cancel();
});

test('adds the id to an answer whose headers cannot be changed', async () => {
  const fetched = Response.redirect('https://issuer.example/', 302);
  assert.throws(() => fetched.headers.set('x', 'y'));
  const response = await testApp({}, { authenticate: async () => fetched }).request('POST');
  assert.match(response.headers.get('x-request-id') ?? '', MADE);
  assert.equal(response.headers.get('location'), 'https://issuer.example/');
});
