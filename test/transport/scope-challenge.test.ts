import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthInfo, ScopeChallenge } from '@modelcontextprotocol/server';
import { scopeChallenge } from '../../src/transport/scope-challenge.ts';
import { rpc } from '../support/app.ts';

const authInfo: AuthInfo = { token: 'secret', clientId: 'c', scopes: [] };
const REQUESTS = [rpc('tools/call', { name: 'tool' })];
const challengeOf = (challenge: unknown, info = authInfo) =>
  scopeChallenge(REQUESTS, info, () => Promise.resolve(challenge as ScopeChallenge));

for (const challenge of [null, false, 0, '', { scopes: [] }, { scopes: 'a' }, { scopes: ['a b'] }, { scopes: ['"'] }]) {
  test(`treats ${JSON.stringify(challenge)}, an invalid challenge, as a bug and not as permission`, async () => {
    await assert.rejects(challengeOf(challenge) ?? Promise.resolve(), TypeError);
  });
}

test('names metadata of an http resource only', async () => {
  for (const [resource, isNamed] of [
    ['https://mcp.example.com/mcp', true],
    ['urn:example:mcp', false],
  ] as const) {
    const refusal = await challengeOf({ scopes: ['a'] }, { ...authInfo, resource: new URL(resource) });
    assert.equal(refusal?.status, 403);
    assert.equal(refusal.headers.get('www-authenticate')?.includes('resource_metadata'), isNamed);
  }
});
