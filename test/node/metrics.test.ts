/** The metrics port of a real process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { connectHttp } from '../support/clients.ts';
import { namesIn, samplesIn } from '../support/metrics.ts';
import { canConnect } from '../support/ports.ts';
import { startEntry, startHttpEntry, type HttpProcess } from '../support/process.ts';
import { NO_REDIS, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/time.ts';

const ENTRY = 'src/http-server.ts';

async function start(t: TestContext, env: Record<string, string> = {}, entry?: string) {
  const server = await startHttpEntry(t, { env: { MCP_METRICS_PORT: '0', ...env }, ...(entry && { entry }) });
  const [, url = ''] = await server.stderrMatch(/^ {2}Metrics +(http:\S+)$/m);
  return { server, url };
}

const scrape = async (url: string) => (await fetch(url)).text();

test('serves metrics on a port of its own on loopback, and not on the other one', async (t) => {
  const { server, url } = await start(t);
  assert.match(url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics$/);
  const client = await connectHttp(t, 'v1', server.url);
  await client.listTools();
  const text = await scrape(url);
  const { size } = samplesIn(text);
  assert.ok(size > 100, `${size} samples`);
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds', 'mcp_server_sessions']) {
    assert.ok(namesIn(text).includes(name), name);
  }
  const ok =
    /mcp_server_operation_duration_seconds_count\{mcp_method_name="tools\/list",gen_ai_tool_name="",error_type=""\} 1/;
  assert.match(text, ok);
  assert.equal((await fetch(new URL('/metrics', server.url))).status, 404);
  assert.equal((await fetch(new URL('/mcp', url))).status, 404);
});

test('serves none by default', async (t) => {
  const server = await startHttpEntry(t);
  assert.doesNotMatch(server.stderr, /metrics/i);
});

test('refuses to start with code 1 and one line on a metrics port in use, and on a host that is not of this machine', async (t) => {
  const port = await takenPort(t);
  const inUse = `Port ${port} on 127.0.0.1 is in use: stop the program that listens there, or set MCP_METRICS_PORT to another port.\n`;
  await assertRefused(t, { MCP_METRICS_PORT: String(port) }, (line) => assert.equal(line, inUse));
  // TEST-NET-1 (RFC 5737): no machine has this address.
  await assertRefused(t, { MCP_METRICS_PORT: '0', MCP_METRICS_HOST: '192.0.2.1' }, (line) =>
    assert.match(line, /^MCP_METRICS_HOST=192\.0\.2\.1 is not an address of this machine: [^\n]*\n$/),
  );
});

test('opens the metrics port first, so that the other one is never open if it is taken', async (t) => {
  const env = { PORT: String(await takenPort(t)), MCP_METRICS_PORT: String(await takenPort(t)) };
  await assertRefused(t, env, (line) => assert.match(line, /set MCP_METRICS_PORT to another port/));
});

for (const setting of ['PORT', 'MCP_METRICS_PORT']) {
  test(`leaves Redis before it ends with code 1 because ${setting} is taken`, { skip: NO_REDIS }, async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const env = { REDIS_URL: redis.url, MCP_STATE_KEY: '0'.repeat(64), MCP_METRICS_PORT: '0' };
    await assertRefused(t, { ...env, [setting]: String(await takenPort(t)) }, (line) => {
      assert.match(line, /^Port \d+ on 127\.0\.0\.1 is in use: [^\n]*\n$/);
    });
    assert.match(String(await redis.command('INFO', 'commandstats')), /^cmdstat_set:calls=1,/m);
    assert.deepEqual(await redis.command('KEYS', '*'), []);
  });
}

async function takenPort(t: TestContext): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  return (taken.address() as AddressInfo).port;
}

async function assertRefused(t: TestContext, env: Record<string, string>, check: (line: string) => void) {
  const server = startEntry(t, ENTRY, { env: { PORT: '0', ...env } });
  assert.deepEqual(await server.exit(), { code: 1, signal: null });
  check(server.stderr);
}

test('answers scrapes while it drains, and closes the metrics port last', async (t) => {
  const { server, url } = await start(t, {}, 'test/fixtures/remembering.ts');
  const client = await connectHttp(t, 'v1', server.url);
  const left = new AbortController();
  const hanging = client.call('hang', {}, { signal: left.signal }).catch(() => {});
  await client.heard.next('notifications/message', { data: 'hanging' });
  server.signal('SIGTERM');
  await waitFor(async () => (await fetch(new URL('/readyz', server.url))).status === 503);
  assert.match(await scrape(url), /^mcp_server_running_calls 1$/m);
  left.abort();
  await assertClosesLast(server, url);
  await hanging;
});

/** Watches both ports until the process has ended: that of metrics must never be closed while the other is open. */
async function assertClosesLast(server: HttpProcess, url: string): Promise<void> {
  const exited = server.exit();
  const [main, metrics] = [server.url, url].map((each) => Number(new URL(each).port)) as [number, number];
  await waitFor(async () => {
    const isOpen = await canConnect(metrics);
    if (!isOpen) assert.equal(await canConnect(main), false);
    return !isOpen;
  });
  assert.equal((await exited).code, 0);
}

test('tells how long Redis takes, and when it is unavailable', { skip: NO_REDIS }, async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { server, url } = await start(t, { REDIS_URL: redis.url, LOG_LEVEL: 'silent' });
  await connectHttp(t, 'v1', server.url);
  const text = await scrape(url);
  assert.match(text, /^mcp_server_engine_up 1$/m);
  assert.match(text, /^mcp_server_sessions 1$/m);
  assert.match(text, /^mcp_server_redis_duration_seconds_count\{command="\w+",outcome="ok"\} [1-9]/m);
  assert.doesNotMatch(text, /^mcp_server_event_log_bytes /m);
  await redis.kill();
  await waitFor(async () => /^mcp_server_engine_up 0$/m.test(await scrape(url)));
  // A count is used for a moment.
  await waitFor(async () => !/^mcp_server_sessions /m.test(await scrape(url)));
});
