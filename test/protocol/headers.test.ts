import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSingleHeaders } from '../../src/protocol/headers.ts';
import { modernRequest, openSession, rpc, testApp, URL_OF_APP } from '../support/app.ts';

for (const [name, sent, counted] of [
  ['content-type', 'application/json, application/json', 'application/json'],
  ['mcp-name', 'a, a, a', 'a'],
  ['mcp-name', 'a, b', 'a, b'],
  ['mcp-session-id', 'a', 'a'],
  ['accept', 'text/plain, text/plain', 'text/plain, text/plain'],
] as const) {
  test(`reads ${name}: ${sent} as ${counted}`, () => {
    const request = new Request(URL_OF_APP, { headers: { [name]: sent } });
    assert.equal(withSingleHeaders(request).headers.get(name), counted);
  });
}

const twice = (headers: Record<string, string>, ...names: string[]) => ({
  ...headers,
  ...Object.fromEntries(names.map((name) => [name, `${headers[name]}, ${headers[name]}`])),
});

test('answers 200 to calls whose headers a proxy repeats, in both eras', async () => {
  const token = 'x'.repeat(32);
  const app = testApp({ MCP_AUTH_TOKENS: `ci:${token}` });
  const authorization = `Bearer ${token}`;
  const session = await openSession(app, { authorization });
  for (const { headers, body } of [
    { headers: session.headers, body: rpc('tools/list') },
    modernRequest('tools/list'),
    modernRequest('tools/call', { name: 'slugify', arguments: { text: 'a' } }),
  ]) {
    const names = ['authorization', ...Object.keys(headers).filter((name) => name !== 'accept')];
    const response = await app.request('POST', { headers: twice({ ...headers, authorization }, ...names), body });
    assert.equal(response.status, 200);
  }
});

test('refuses headers that are repeated with different values', async () => {
  const { headers, body } = modernRequest('tools/list');
  const differing = { ...headers, 'mcp-method': 'tools/list, tools/call' };
  assert.equal((await testApp().request('POST', { headers: differing, body })).status, 400);
});
