import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannerLines } from '../../src/node/banner.ts';
import { loadConfig } from '../../src/config/config.ts';

const bannerOf = (env: Record<string, string>) => bannerLines(loadConfig(env), 3000).join('\n');

test('says that MCP_MAX_LIVE_SESSIONS=0 is on, and what it is for, where it has an effect', () => {
  const line = /Development +MCP_MAX_LIVE_SESSIONS=0 drops the server of a session after every request/;
  assert.match(bannerOf({ MCP_MAX_LIVE_SESSIONS: '0' }), line);
  assert.doesNotMatch(bannerOf({ MCP_MAX_LIVE_SESSIONS: '1' }), line);
  assert.doesNotMatch(bannerOf({ MCP_MAX_LIVE_SESSIONS: '0', MCP_SESSIONS: 'stateless' }), line);
});
