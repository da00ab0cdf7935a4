import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStaticTokenVerifier, parseStaticTokens } from '../../src/auth/static-tokens.ts';

const ALICE = 'a'.repeat(32);
const BOB = `${'b'.repeat(40)}==`;

function verifierOf(...entries: string[]) {
  const tokens = parseStaticTokens(entries);
  assert.ok(tokens);
  return createStaticTokenVerifier(tokens);
}

test('identifies the holder of a token, and its scopes', async () => {
  const verifier = verifierOf(`alice:${ALICE}`, `ci.bot:${BOB}:slugs:batch admin`);
  const alice = await verifier.verify(ALICE);
  const bot = await verifier.verify(BOB);
  assert.ok(alice.status === 'valid' && bot.status === 'valid');
  assert.deepEqual(alice.caller.principal, { issuer: 'MCP_AUTH_TOKENS', subject: 'alice', client: 'alice' });
  assert.deepEqual(alice.caller.authInfo?.scopes, []);
  assert.deepEqual(bot.caller.authInfo?.scopes, ['slugs:batch', 'admin']);
  assert.equal(bot.caller.authInfo?.clientId, 'ci.bot');
  assert.equal(bot.caller.authInfo?.expiresAt, undefined);
});

for (const [what, token] of Object.entries({
  'another token': 'c'.repeat(32),
  'a longer one': `${ALICE}a`,
  'a shorter one': ALICE.slice(1),
  'one in upper case': ALICE.toUpperCase(),
  'an empty token': '',
  'a name': 'alice',
  'a whole entry': `alice:${ALICE}`,
})) {
  test(`refuses ${what}, and reveals nothing of it`, async () => {
    const result = await verifierOf(`alice:${ALICE}`).verify(token);
    assert.deepEqual(result, { status: 'refused', why: 'it is not one of MCP_AUTH_TOKENS' });
  });
}

test('keeps a digest in place of each token', async () => {
  const [token] = parseStaticTokens([`alice:${ALICE}`]) ?? [];
  assert.match((await token?.digest) ?? '', /^[0-9a-f]{64}$/);
  assert.doesNotMatch(JSON.stringify(token), new RegExp(ALICE));
});

for (const [what, entries] of Object.entries({
  'a token alone': [ALICE],
  'no name': [`:${ALICE}`],
  'a name with a space': [`a b:${ALICE}`],
  'a short token': ['alice:secret'],
  'a token with other characters': [`alice:${ALICE}!`],
  'a scope with quotes': [`alice:${ALICE}:"all"`],
  'a name twice': [`alice:${ALICE}`, `alice:${BOB}`],
  'a token twice': [`alice:${ALICE}`, `bob:${ALICE}`],
})) {
  test(`refuses a list with ${what}`, () => {
    assert.equal(parseStaticTokens(entries), undefined);
  });
}
