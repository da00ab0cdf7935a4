import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHttpEntry } from '../support/process.ts';

/** So many that their lines fill the pipe and the buffer of this process many times. */
const ROUNDS = 75;
const REQUESTS_A_ROUND = 20;

test('answers requests and stops with code 0 although the reader of its log is stuck', async (t) => {
  const server = await startHttpEntry(t, { env: { MCP_LOG_REQUESTS: 'on', LOG_FORMAT: 'json' } });
  server.pauseStderr();
  for (let round = 0; round < ROUNDS; round += 1) {
    const answers = Array.from({ length: REQUESTS_A_ROUND }, async () => {
      const response = await fetch(new URL('/nowhere', server.url));
      await response.text();
      return response.status;
    });
    assert.deepEqual(new Set(await Promise.all(answers)), new Set([404]));
  }
  server.signal('SIGTERM');
  assert.deepEqual(await server.ended(), { code: 0, signal: null });
});
