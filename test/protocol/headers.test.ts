import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutRepeatedHeaders } from '../../src/protocol/headers.ts';
import { modernRequest, testApp, URL_OF_APP } from '../support/app.ts';

for (const [name, sent, counted] of [
  ['content-type', 'application/json, application/json', 'application/json'],
  ['authorization', 'Bearer a, Bearer a, Bearer a', 'Bearer a'],
  ['authorization', 'Bearer a, Bearer b', 'Bearer a, Bearer b'],
  ['mcp-session-id', 'a', 'a'],
  ['accept', 'text/plain, text/plain', 'text/plain, text/plain'],
] as const) {
  test(`reads ${name}: ${sent} as ${counted}`, () => {
    const request = new Request(URL_OF_APP, { headers: { [name]: sent } });
    assert.equal(withoutRepeatedHeaders(request).headers.get(name), counted);
  });
}

test('answers 200 to a call whose headers a proxy repeats', async () => {
  const { headers, body } = modernRequest('tools/list');
  const repeated = Object.fromEntries(
    ['content-type', 'mcp-protocol-version', 'mcp-method'].map((name) => [name, `${headers[name]}, ${headers[name]}`]),
  );
  assert.equal((await testApp().request('POST', { headers: { ...headers, ...repeated }, body })).status, 200);
});
