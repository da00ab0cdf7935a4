import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLegacyRequest } from '@modelcontextprotocol/server';
import { readMessage } from '../../src/endpoint/read-message.ts';
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
      const incoming = await readMessage(request, 100_000);
      assert.equal(!(incoming instanceof Response) && incoming.era === 'legacy', isLegacy, version);
    }
  });
}
