import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { canonicalUrl, clientUrls, isShared } from '../../src/config/exposure.ts';

const PUBLIC_URL = 'https://mcp.example.com/mcp';
const TOKENS = { MCP_AUTH_TOKENS: `ci:${'a'.repeat(32)}` };

for (const [what, env, url] of [
  ['the URL it listens on, on loopback', {}, 'http://127.0.0.1:3000/mcp'],
  ['the URL it listens on, over IPv6', { HOST: '::1', PORT: '80' }, 'http://[::1]/mcp'],
  ['MCP_PUBLIC_URL', { ...TOKENS, HOST: '0.0.0.0', MCP_PUBLIC_URL: 'https://MCP.example.com/mcp' }, PUBLIC_URL],
  ['unknown while the port is', { PORT: '0' }, undefined],
] as const) {
  test(`the canonical URL is ${what}`, () => {
    assert.equal(canonicalUrl(loadConfig(env))?.href, url);
  });
}

for (const [what, env, urls] of [
  ['the address and localhost, on loopback', {}, ['http://127.0.0.1:3000/mcp', 'http://localhost:3000/mcp']],
  ['localhost alone', { HOST: 'localhost' }, ['http://localhost:3000/mcp']],
  ['MCP_PUBLIC_URL alone', { ...TOKENS, MCP_PUBLIC_URL: PUBLIC_URL }, [PUBLIC_URL]],
  ['unknown while the port is', { PORT: '0' }, []],
] as const) {
  test(`the URLs that clients may use are ${what}`, () => {
    assert.deepEqual(
      clientUrls(loadConfig(env)).map(({ href }) => href),
      urls,
    );
  });
}

for (const [what, env, shared] of [
  ['unauthenticated callers on loopback', {}, false],
  ['authenticated callers on loopback', TOKENS, true],
  ['unauthenticated callers beyond it', { HOST: '0.0.0.0', MCP_INSECURE_ALLOW_UNAUTHENTICATED: 'true' }, true],
] as const) {
  test(`${shared ? 'protects' : 'does not protect'} ${what} from each other`, () => {
    assert.equal(isShared(loadConfig(env)), shared);
  });
}
