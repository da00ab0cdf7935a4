/** Processes that share a Redis, as users start them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { initializeRequest, JSON_HEADERS, rpc } from '../support/app.ts';
import { startHttpEntry } from '../support/process.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/time.ts';

describe('processes that share a Redis', { skip: NO_REDIS }, () => {
  test('serve the same session, also after a restart, and refuse it while Redis is away', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const env = { REDIS_URL: redis.url };
    const [one, other] = await Promise.all([startHttpEntry(t, { env }), startHttpEntry(t, { env })]);
    const opened = await fetch(one.url, {
      method: 'POST',
      headers: JSON_HEADERS,
      body: JSON.stringify(initializeRequest()),
    });
    const session = opened.headers.get('mcp-session-id');
    assert.ok(session);
    const headers = { ...JSON_HEADERS, 'mcp-session-id': session };
    const call = (url: string) => fetch(url, { method: 'POST', headers, body: JSON.stringify(rpc('tools/list')) });
    assert.equal((await call(other.url)).status, 200);

    one.signal('SIGTERM');
    assert.deepEqual(await one.exit(), { code: 0, signal: null });
    const again = await startHttpEntry(t, { env });
    assert.equal((await call(again.url)).status, 200);

    await redis.kill();
    await waitFor(async () => (await call(other.url)).status === 503);
    assert.equal(await (await fetch(new URL('/readyz', other.url))).text(), 'degraded');
    await redis.restart();
    await waitFor(async () => (await call(other.url)).status === 404);
    assert.equal(await (await fetch(new URL('/readyz', other.url))).text(), 'ok');
  });
});
