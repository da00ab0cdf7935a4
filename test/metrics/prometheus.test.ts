/** What Prometheus gets: which metrics there are, what they say, and that nothing a client sends adds to their number. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import { REFUSAL_REASONS } from '../../src/telemetry/request-report.ts';
import { JSON_HEADERS, modernRequest, openSession, readStream, rpc } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testMetrics } from '../support/metrics.ts';
import { bearer, sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

function metered(env: Record<string, string> = {}, options: Parameters<typeof sessionApp>[2] = {}) {
  const metrics = testMetrics();
  return { metrics, ...sessionApp({ ping: () => 'pong' }, env, { metrics, ...options }) };
}

describe('a scrape', () => {
  test('counts requests by HTTP method, status, era, JSON-RPC method and tool', async () => {
    const { app, metrics } = metered();
    const session = await openSession(app);
    await session.call('ping', {});
    await (await app.request('POST', modernRequest('tools/call', { name: 'ping', arguments: {} }))).text();
    await app.request('PUT');
    const samples = await metrics.read();
    const requests = (labels: string) => samples.get(`mcp_server_http_requests_total{${labels}}`);
    const post = 'http_request_method="POST",http_response_status_code="200"';
    for (const era of ['legacy', 'modern']) {
      const call = `${post},era="${era}",mcp_method_name="tools/call",gen_ai_tool_name="ping"`;
      assert.equal(requests(call), 1, era);
    }
    const put = 'http_request_method="other",http_response_status_code="405"';
    assert.equal(requests(`${put},era="",mcp_method_name="",gen_ai_tool_name=""`), 1);
  });

  test('measures calls in the buckets of the semantic conventions', async () => {
    const { app, metrics } = metered();
    await (await app.request('POST', modernRequest('tools/call', { name: 'ping', arguments: {} }))).text();
    const samples = await metrics.read();
    const buckets = [...samples.keys()].flatMap((name) => {
      const [, le] = /^mcp_server_operation_duration_seconds_bucket\{le="([^"]+)"/.exec(name) ?? [];
      return le === undefined ? [] : [le];
    });
    assert.deepEqual(
      buckets.slice(0, -1).map(Number),
      [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
    );
    const labels = '{mcp_method_name="tools/call",gen_ai_tool_name="ping",error_type=""}';
    assert.equal(samples.get(`mcp_server_operation_duration_seconds_count${labels}`), 1);
  });

  test('reads sessions, those in memory, streams, calls and the size of the event log', async () => {
    const { app, metrics } = metered();
    const session = await openSession(app);
    await openSession(app);
    const stream = readStream(await session.get());
    await stream.next();
    const gauges = async () => {
      const samples = await metrics.read();
      return ['sessions', 'live_sessions', 'open_streams', 'running_calls', 'engine_up'].map((name) =>
        samples.get(`mcp_server_${name}`),
      );
    };
    assert.deepEqual(await gauges(), [2, 2, 1, 0, 1]);
    assert.ok(((await metrics.read()).get('mcp_server_event_log_bytes') ?? 0) > 0);
    await stream.cancel();
    await session.delete();
    assert.deepEqual(await gauges(), [1, 1, 0, 0, 1]);
  });

  test('counts refusals by reason, servers that were rebuilt, and streams that were resumed', async () => {
    const { app, metrics, another } = metered();
    await app.request('POST', { headers: { ...JSON_HEADERS, host: 'evil.example' }, body: rpc('tools/list') });
    const { headers } = await openSession(app);
    // As after a restart, or on another node.
    const later = testMetrics();
    const next = another({}, { metrics: later });
    const first = readStream(await next.request('GET', { headers: { ...headers, accept: 'text/event-stream' } }));
    const { id = '' } = await first.next();
    await first.cancel();
    const again = { ...headers, accept: 'text/event-stream', 'last-event-id': id };
    await (await next.request('GET', { headers: again })).body?.cancel();
    const before = await metrics.read();
    const after = await later.read();
    assert.deepEqual(
      ['refusals_total{reason="host"}', 'rehydrations_total', 'resumptions_total'].map((name) => [
        before.get(`mcp_server_${name}`),
        after.get(`mcp_server_${name}`),
      ]),
      [
        [1, 0],
        [0, 1],
        [0, 1],
      ],
    );
  });

  test('counts more subscriptions of a principal than it may have as a refusal for sessions', async () => {
    const { app, metrics } = metered({ MCP_MAX_SESSIONS_PER_PRINCIPAL: '1' });
    const headers = bearer('alice');
    const listen = () => {
      const notifications = { toolsListChanged: true };
      return app.request('POST', modernRequest('subscriptions/listen', { notifications }, { headers }));
    };
    const stream = readStream(await listen());
    await stream.next();
    assert.equal((await listen()).status, 429);
    await stream.cancel();
    const samples = await metrics.read();
    assert.equal(samples.get('mcp_server_refusals_total{reason="sessions"}'), 1);
    assert.equal(samples.get('mcp_server_refusals_total{reason="calls"}'), 0);
  });

  test('begins with 0 for every level of lines, reason of a refusal and end of a session', async () => {
    const samples = await testMetrics().read();
    const series = [
      ...['warn', 'error'].map((level) => `log_lines_total{level="${level}"}`),
      ...['deleted', 'expired', 'evicted'].map((reason) => `sessions_ended_total{reason="${reason}"}`),
      ...REFUSAL_REASONS.map((reason) => `refusals_total{reason="${reason}"}`),
    ];
    assert.ok(series.length > 15);
    for (const name of series) assert.equal(samples.get(`mcp_server_${name}`), 0, name);
  });

  test('tells how sessions ended, and how long those lasted that were deleted or evicted', async () => {
    const { app, metrics, clock } = metered({ MCP_MAX_SESSIONS_PER_PRINCIPAL: '1' });
    const evicted = await openSession(app, bearer('alice'));
    clock.advance(20_000);
    await openSession(app, bearer('alice'));
    assert.equal((await evicted.post(rpc('ping'))).status, 404);
    const deleted = await openSession(app);
    clock.advance(5000);
    await deleted.delete();
    await openSession(app);
    await pass(clock, 31 * 60_000);
    const samples = await metrics.read();
    const endedBy = (reason: string) => samples.get(`mcp_server_sessions_ended_total{reason="${reason}"}`);
    assert.deepEqual(['deleted', 'evicted', 'expired'].map(endedBy), [1, 1, 2]);
    assert.equal(samples.get('mcp_server_session_duration_seconds_count'), 2);
    assert.equal(samples.get('mcp_server_session_duration_seconds_sum'), 25);
  });

  test('leaves out the number of sessions if the engine does not tell, and does not wait for it', async () => {
    const clock = manualClock();
    const store = createMemorySessionStore({ idleMs: 1000, clock });
    for (const count of [
      () => new Promise<number>(() => {}),
      () => Promise.reject(new UnavailableError('Redis is unavailable')),
      () => {
        throw new Error('a bug');
      },
    ]) {
      const metrics = testMetrics(clock);
      sessionApp({}, {}, { metrics, sessionStore: { ...store, count }, isAvailable: () => false });
      const reading = metrics.read();
      await settled();
      clock.advance(1000);
      const samples = await reading;
      assert.equal(samples.has('mcp_server_sessions'), false);
      assert.equal(samples.get('mcp_server_engine_up'), 0);
    }
  });
});

test('nothing that a client sends adds a label', async () => {
  const { app, metrics } = metered();
  const session = await openSession(app);
  const invent = async (name: string) => {
    await session.post(rpc(name));
    await session.post(rpc('tools/call', { name, arguments: {} }));
    await session.post({ jsonrpc: '2.0', method: name });
    await (await app.request('POST', modernRequest('tools/call', { name, arguments: {} }))).text();
    await (await app.request('POST', modernRequest(name))).text();
    await app.request('POST', { headers: { ...JSON_HEADERS, 'mcp-session-id': name }, body: rpc('ping') });
    await app.request('GET', { headers: { ...session.headers, 'last-event-id': name } });
    await app.request(name.toUpperCase(), { path: `/${name}` });
    await app.request(name.toUpperCase());
  };
  await invent('first');
  const before = [...(await metrics.read()).keys()].filter((name) => name.startsWith('mcp_'));
  for (let index = 0; index < 20; index += 1) await invent(`invented${index}`);
  const after = [...(await metrics.read()).keys()].filter((name) => name.startsWith('mcp_'));
  assert.deepEqual(after, before);
  assert.ok(after.some((name) => name.includes('gen_ai_tool_name="other"')));
  assert.ok(after.some((name) => name.includes('mcp_method_name="other"')));
});
