import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEntry } from '../../test/support/process.ts';

test('npm run dev:idp says that it is for development only, where it listens, and how the server is started', async (t) => {
  const idp = startEntry(t, 'dev/idp/main.ts', { env: { IDP_PORT: '0' } });
  const [, issuer = ''] = await idp.stderrMatch(/MCP_OAUTH_ISSUER=(http:\/\/127\.0\.0\.1:\d+) npm run dev:http/);
  assert.match(idp.stderr, /For development only: anyone can sign in/);
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  assert.equal(((await response.json()) as { issuer: string }).issuer, issuer);
  idp.signal('SIGTERM');
  assert.equal((await idp.exit()).signal, 'SIGTERM');
});

test('npm run dev:idp ends with a line that names IDP_PORT where it cannot listen', async (t) => {
  const idp = startEntry(t, 'dev/idp/main.ts', { env: { IDP_PORT: 'nine thousand' } });
  assert.deepEqual(await idp.exit(), { code: 1, signal: null });
  assert.match(idp.stderr, /^Cannot listen: .*IDP_PORT sets the port\.$/m);
});
