import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { describeIncoming } from '../../src/protocol/incoming.ts';
import {
  clientOf,
  createReport,
  eraOf,
  requestReport,
  revisionOf,
  rpcMethodOf,
  type ReportEnv,
  type RequestReport,
} from '../../src/telemetry/request-report.ts';
import { initializeRequest, MODERN, modernRequest, rpc } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';

/** An app that reports, and whose answer has the status in the path. */
function reportingApp() {
  const reports: Readonly<RequestReport>[] = [];
  const failures: unknown[] = [];
  const clock = manualClock();
  let requests = 0;
  const app = new Hono<ReportEnv>();
  const onfailure = (thrown: unknown) => void failures.push(thrown);
  app.use(
    requestReport({
      clock,
      requestId: () => String(++requests),
      onfailure,
      onanswer: (report) => void reports.push(report),
    }),
  );
  app.get('/known', (c) => {
    c.get('report').refusal = 'draining';
    return c.body(null, 503);
  });
  app.get('/thrown', () => {
    // oxlint-disable-next-line no-throw-literal -- what tools may throw
    throw 'a string';
  });
  app.get('/:status', (c) => {
    clock.advance(7);
    return c.body('', Number(c.req.param('status')) as ContentfulStatusCode);
  });
  return { app, clock, reports, failures };
}

test('reports each request with an id of its own, its status, and the time until its answer', async () => {
  const { app, clock, reports } = reportingApp();
  await app.request('/200?token=secret');
  await app.request('/500');
  const [first, second] = reports;
  assert.ok(first && second && first.id !== second.id);
  const { httpMethod, path, status, ms, startedAt, refusal } = first;
  assert.deepEqual([httpMethod, path, status, ms, startedAt], ['GET', '/200', 200, 7, clock.now() - 14]);
  assert.deepEqual([second.status, refusal, second.refusal], [500, undefined, undefined]);
});

for (const [status, reason] of [
  [400, 'protocol'],
  [401, 'auth'],
  [403, 'scope'],
  [404, 'path'],
  [405, 'protocol'],
  [406, 'protocol'],
  [413, 'body_too_large'],
  [415, 'protocol'],
  [429, 'calls'],
  [503, 'unavailable'],
]) {
  test(`takes a ${status} of which nothing else is known for a refusal because of ${reason}`, async () => {
    const { app, reports } = reportingApp();
    await app.request(`/${status}`);
    assert.equal(reports[0]?.refusal, reason);
  });
}

test('keeps the reason of a refusal that is known better', async () => {
  const { app, reports } = reportingApp();
  await app.request('/known');
  assert.equal(reports[0]?.refusal, 'draining');
});

test('answers 500 with -32603 to what is thrown but is not an error, and reports it', async () => {
  const { app, reports, failures } = reportingApp();
  const response = await app.request('/thrown');
  const { error } = (await response.json()) as { error: { code: number } };
  assert.deepEqual([response.status, error.code, reports[0]?.status], [500, -32_603, 500]);
  assert.deepEqual(failures, ['a string']);
});

/** A report of what a POST brought. */
function reportOf(body: unknown, revision?: string, known: Partial<RequestReport> = {}): RequestReport {
  const incoming = body === undefined ? undefined : describeIncoming(body as JSONRPCMessage, revision);
  return { ...createReport({ id: '1', httpMethod: 'POST', path: '/mcp', startedAt: 0 }), incoming, ...known };
}

test('tells era, revision and JSON-RPC method of whatever has arrived', () => {
  const notification = { jsonrpc: '2.0', method: 'notifications/initialized' };
  const answer = { jsonrpc: '2.0', id: 1, result: {} };
  const inSession = { sessionId: 'some', revision: '2025-06-18' };
  const told = [
    reportOf(modernRequest('tools/list').body, MODERN),
    reportOf(rpc('tools/call', { name: 'echo' }), undefined, inSession),
    reportOf([rpc('tools/list'), rpc('tools/list')], undefined, inSession),
    reportOf(notification),
    reportOf(answer),
    reportOf(undefined, undefined, inSession),
    reportOf(undefined),
  ].map((report) => [eraOf(report), revisionOf(report), rpcMethodOf(report)]);
  assert.deepEqual(told, [
    ['modern', MODERN, 'tools/list'],
    ['legacy', '2025-06-18', 'tools/call'],
    ['legacy', '2025-06-18', 'batch'],
    ['legacy', undefined, 'notifications/initialized'],
    ['legacy', undefined, 'response'],
    ['legacy', '2025-06-18', undefined],
    [undefined, undefined, undefined],
  ]);
});

test("tells the client's program, from its session, initialize, or the envelope, and nothing else than two texts", () => {
  const program = { name: 'test', version: '1.0.0' };
  const client = { name: 'editor', version: '2' };
  assert.deepEqual(clientOf(reportOf(rpc('tools/list'), undefined, { client })), client);
  assert.deepEqual(clientOf(reportOf(initializeRequest())), program);
  assert.deepEqual(clientOf(reportOf(modernRequest('tools/list').body, MODERN)), program);
  assert.equal(clientOf(reportOf(rpc('tools/list'))), undefined);
  assert.equal(clientOf(reportOf(undefined)), undefined);
  for (const clientInfo of [
    null,
    'test',
    {},
    { name: 'test' },
    { name: 'test', version: 1 },
    { name: {}, version: '1' },
  ])
    assert.equal(clientOf(reportOf(rpc('initialize', { clientInfo }))), undefined);
});
