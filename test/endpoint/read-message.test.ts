import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLegacyRequest } from '@modelcontextprotocol/server';
import { readBytes, readMessage } from '../../src/endpoint/read-message.ts';
import { readMcpHeaders } from '../../src/protocol/headers.ts';
import { initializeRequest, JSON_HEADERS, modernRequest, rpc, URL_OF_APP } from '../support/app.ts';

const { params: claim } = modernRequest('tools/list').body;
const CALL = { name: 'echo', arguments: { text: 'a' } };
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

const BODIES: Record<string, unknown> = {
  'a call': rpc('tools/call', CALL),
  'a call with a progress token': rpc('tools/call', { ...CALL, _meta: { progressToken: 1 } }),
  'a call that claims 2026-07-28': modernRequest('tools/call', CALL).body,
  'a call that claims nothing but a version': rpc('tools/call', { ...CALL, _meta: { [VERSION_KEY]: '2026-07-28' } }),
  'a call that claims 2025-11-25': rpc('tools/call', { ...CALL, _meta: { [VERSION_KEY]: '2025-11-25' } }),
  'a call that claims a number': rpc('tools/call', { ...CALL, _meta: { [VERSION_KEY]: 7 } }),
  'a call whose _meta is a list': rpc('tools/call', { ...CALL, _meta: [] }),
  'a call whose _meta is null': rpc('tools/call', { ...CALL, _meta: null }),
  'a call without params': { jsonrpc: '2.0', id: 1, method: 'ping' },
  initialize: initializeRequest(),
  'initialize that claims 2026-07-28': rpc('initialize', { ...initializeRequest().params, ...claim }),
  'initialize with a claim that is not valid': rpc('initialize', { _meta: { [VERSION_KEY]: 7 } }),
  'server/discover': modernRequest('server/discover').body,
  'a notification': { jsonrpc: '2.0', method: 'notifications/initialized' },
  'a notification that claims 2026-07-28': { jsonrpc: '2.0', method: 'notifications/x', params: claim },
  'an answer': { jsonrpc: '2.0', id: 1, result: {} },
  'an error': { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } },
  'a batch': [rpc('ping'), rpc('tools/list')],
  'a batch with a claim': [rpc('ping'), modernRequest('tools/list').body],
};
const VERSIONS = [
  undefined,
  '2025-11-25',
  '2025-03-26',
  '2024-10-07',
  '2026-07-28',
  ' 2026-07-28',
  '2099-01-01',
  '',
  'x',
];

for (const [what, body] of Object.entries(BODIES)) {
  test(`agrees with the SDK on the era of ${what}, whatever version the header names`, async () => {
    for (const version of VERSIONS) {
      const headers = { ...JSON_HEADERS, ...(version !== undefined && { 'mcp-protocol-version': version }) };
      const request = new Request(URL_OF_APP, { method: 'POST', headers, body: JSON.stringify(body) });
      const isLegacy = await isLegacyRequest(request.clone(), body);
      const incoming = await readMessage(request, readMcpHeaders(request), 100_000, (max) => readBytes(request, max));
      assert.equal(!(incoming instanceof Response) && incoming.era === 'legacy', isLegacy, version);
    }
  });
}

const callWith = (args: string) => JSON.stringify(rpc('tools/call', CALL, 'mine')).replace('"a"', () => args);
const brackets = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const keys = (count: number) => `{${Array.from({ length: count }, (_, index) => `"${index}":0`).join()}}`;
/** Texts that exceed a limit, and the id that their refusal names: that of a short text. */
const EXCESSIVE: [what: string, body: string, error: RegExp, id: string | null][] = [
  ['300 lists in each other', callWith(brackets(300)), /more than 200 levels deep/, 'mine'],
  ['two million lists in each other', callWith(brackets(2_000_000)), /more than 200 levels deep/, null],
  ['four million brackets that nothing closes', '['.repeat(4_000_000), /more than 200 levels deep/, null],
  ['a million objects', callWith(`[${'{},'.repeat(1_000_000)}0]`), /more than 50000 objects, arrays and keys/, null],
  ['280,000 keys', callWith(keys(280_000)), /more than 50000 objects, arrays and keys/, null],
];
for (const [what, body, error, id] of EXCESSIVE) {
  test(`answers 400 with -32600 to ${what}, ${id === null ? 'without parsing them' : 'and names the id'}`, async (t) => {
    const parse = t.mock.method(JSON, 'parse');
    const request = new Request(URL_OF_APP, { method: 'POST', headers: JSON_HEADERS, body });
    const refused = await readMessage(request, readMcpHeaders(request), 5e6, (max) => readBytes(request, max));
    assert.ok(refused instanceof Response);
    assert.equal(parse.mock.callCount(), id === null ? 0 : 1);
    const answer = (await refused.json()) as { id: unknown; error: { code: number; message: string } };
    assert.deepEqual([refused.status, answer.id, answer.error.code], [400, id, -32600]);
    assert.match(answer.error.message, error);
  });
}
