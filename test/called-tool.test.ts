import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calledTool } from '../src/called-tool.ts';
import { answerOf, modernRequest, testApp, URL_OF_APP } from './support/app.ts';
import { createMcpServer } from '../src/mcp-server.ts';

function named(name: string | undefined, method = 'tools/call', era: 'modern' | 'legacy' = 'modern') {
  const headers = { 'mcp-method': method, ...(name !== undefined && { 'mcp-name': name }) };
  return calledTool({ era, requestInfo: new Request(URL_OF_APP, { method: 'POST', headers }) });
}

test('is the tool that a call of the 2026-07-28 revision names', () => {
  assert.equal(named('slugify-batch'), 'slugify-batch');
});

test('is none where any tool may be asked for', () => {
  assert.equal(calledTool({}), undefined);
  assert.equal(calledTool({ era: 'modern' }), undefined);
  assert.equal(named(undefined), undefined);
  assert.equal(named('slugify', 'tools/list'), undefined);
  assert.equal(named('slugify', 'tools/call', 'legacy'), undefined);
  assert.equal(named('=?base64?c2x1Z2lmeQ==?='), undefined, 'an encoded name');
});

test('registers that tool alone, and all of them for a list', async () => {
  const registered: string[][] = [];
  const app = testApp(
    {},
    {
      createServer: (context) => {
        const server = createMcpServer(context);
        const has = (name: string) => server.toolInputSchemaJson(name) !== undefined;
        registered.push(['slugify', 'slugify-batch'].filter(has));
        return server;
      },
    },
  );
  const call = modernRequest('tools/call', { name: 'slugify', arguments: { text: 'A b' } });
  assert.deepEqual((await answerOf(await app.request('POST', call))).result?.['structuredContent'], { slug: 'a-b' });
  assert.equal((await app.request('POST', modernRequest('tools/list'))).status, 200);
  assert.deepEqual(registered, [['slugify'], ['slugify', 'slugify-batch']]);
});

test('answers -32602 to a tool that there is not, as ever', async () => {
  const call = modernRequest('tools/call', { name: 'other', arguments: {} });
  assert.equal((await answerOf(await testApp().request('POST', call))).error?.code, -32602);
});
