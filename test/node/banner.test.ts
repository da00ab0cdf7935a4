import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannerLines } from '../../src/node/banner.ts';
import { loadConfig } from '../../src/config/config.ts';

const bannerOf = (env: Record<string, string>) => bannerLines(loadConfig(env), 3000).join('\n');

test('names the page for browsers, where the clients reach it, unless it is off', () => {
  assert.match(bannerOf({}), /^ +In a browser http:\/\/127\.0\.0\.1:3000\/$/m);
  const published = { MCP_PUBLIC_URL: 'https://example.com/api/mcp', MCP_AUTH_TOKENS: `me:${'a'.repeat(64)}` };
  assert.match(bannerOf(published), /^ +In a browser https:\/\/example\.com\/api\/$/m);
  assert.doesNotMatch(bannerOf({ MCP_CONNECT_PAGE: 'off' }), /In a browser/);
});

test('says that MCP_MAX_LIVE_SESSIONS=0 is on, and what it is for, where it has an effect', () => {
  const line = /Development +MCP_MAX_LIVE_SESSIONS=0 drops the server of a session after every request/;
  assert.match(bannerOf({ MCP_MAX_LIVE_SESSIONS: '0' }), line);
  assert.doesNotMatch(bannerOf({ MCP_MAX_LIVE_SESSIONS: '1' }), line);
  assert.doesNotMatch(bannerOf({ MCP_MAX_LIVE_SESSIONS: '0', MCP_SESSIONS: 'stateless' }), line);
});
