import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/server';
import { excessOf, jsonText, requestIdOf } from '../../src/protocol/json.ts';
import { JSON_HEADERS, messagesIn, modernRequest, openSession, rpc, testApp } from '../support/app.ts';

const CASES: [what: string, value: string, text: string][] = [
  ['the first half of a pair', 'a\ud83db', '"a\\ufffdb"'],
  ['the second half of a pair', '\ude00', '"\\ufffd"'],
  ['two halves in the wrong order', '\ude00\ud83d', '"\\ufffd\\ufffd"'],
  ['a whole pair', '😀', '"😀"'],
  ['what looks like an escape', '\\ud83d', '"\\\\ud83d"'],
  ['a backslash before half of a pair', '\\\ud83d', '"\\\\\\ufffd"'],
  ['other escapes', 'a"\n\u0000', '"a\\"\\n\\u0000"'],
  ['line and paragraph separators', '\u2028\u2029', '"\\u2028\\u2029"'],
];
for (const [what, value, text] of CASES) {
  test(`writes ${what} so that strict parsers read it`, () => {
    assert.equal(jsonText(value), text);
    assert.equal(jsonText({ [value]: [value] }), `{${text}:[${text}]}`);
  });
}

const IDS: [what: string, body: unknown, id: string | number | null][] = [
  ['a request with a string', { jsonrpc: '2.0', id: 'a', method: 'ping' }, 'a'],
  ['a request with a number', { jsonrpc: '2.0', id: 0, method: 'ping' }, 0],
  ['a request with an empty string', { jsonrpc: '2.0', id: '', method: 'ping' }, ''],
  ['a request with an object', { jsonrpc: '2.0', id: { a: 1 }, method: 'ping' }, null],
  ['a notification', { jsonrpc: '2.0', method: 'ping' }, null],
  ['a response, whose id is the server’s', { jsonrpc: '2.0', id: 1, result: {} }, null],
  ['a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping' }], null],
  ['null', null, null],
  ['a string', 'ping', null],
  ['nothing', undefined, null],
];

for (const [what, body, id] of IDS) {
  test(`the id of ${what} is ${JSON.stringify(id)}`, () => {
    assert.equal(requestIdOf(body), id);
  });
}

const TEXTS: [text: string, depth: number, parts: number][] = [
  ['1', 0, 0],
  ['[]', 1, 1],
  ['[[], {"a": [1, 2, 3]}]', 3, 5],
  ['{"[{:": "]}"}', 1, 2],
  ['["\\"", "[", "\\\\", []]', 2, 2],
  ['{"a\\\\\\"[:": {}}', 2, 3],
];
for (const [text, depth, parts] of TEXTS) {
  test(`counts ${depth} levels and ${parts} objects, arrays and keys in ${text}`, () => {
    JSON.parse(text);
    assert.equal(excessOf(text, depth, parts), undefined);
    assert.equal(excessOf(text, depth - 1, parts), depth === 0 ? undefined : 'depth');
    assert.equal(excessOf(text, depth, parts - 1), parts === 0 ? undefined : 'parts');
  });
}

test('does not go past the end of a text that is not JSON', () => {
  for (const text of ['"', '"\\', '["\\"', ']]', ':']) assert.equal(excessOf(text, 1, 1), undefined);
});

const BROKEN = 'a\ud83d\u2028b';
const createServer = () => {
  const server = new McpServer({ name: 'test', version: '1' }, { capabilities: { logging: {} } });
  server.registerTool('broken', {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    const params = { progressToken: progressToken ?? 0, progress: 1, message: BROKEN };
    if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params });
    return { content: [{ type: 'text', text: BROKEN }] };
  });
  return server;
};

for (const shortcuts of ['on', 'off']) {
  for (const accept of [JSON_HEADERS.accept, 'application/json', 'text/event-stream']) {
    for (const _meta of [{}, { progressToken: 'token' }]) {
      test(`answers with JSON that strict parsers read, Accept: ${accept}, ${JSON.stringify(_meta)}, shortcuts ${shortcuts}`, async () => {
        const app = testApp({ MCP_SHORTCUTS: shortcuts }, { createServer });
        const session = await openSession(app);
        const params = { name: 'broken', arguments: {}, _meta };
        const modern = modernRequest('tools/call', params);
        for (const request of [
          { headers: { ...session.headers, accept }, body: rpc('tools/call', params) },
          { ...modern, headers: { ...modern.headers, accept } },
        ]) {
          const text = await (await app.request('POST', request)).text();
          assert.doesNotMatch(text, /[\u2028\u2029]|\\ud83d/);
          const messages = messagesIn(text);
          assert.match(JSON.stringify(messages), /a\ufffd\u2028b/);
          assert.deepEqual(
            messages.map((message) => 'error' in message || ('result' in message && 'answer')).filter(Boolean),
            ['answer'],
            text,
          );
        }
      });
    }
  }
}
