/** Spans, as an SDK of OpenTelemetry that is set up in this process gets them. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import * as api from '@opentelemetry/api';
import { createTracing } from '../../src/signals/open-telemetry.ts';
import { openTracing } from '../../src/signals/tracing.ts';
import { JSON_HEADERS, modernRequest, openSession, rpc, type TestApp } from '../support/app.ts';
import { type Tool } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { startSdk } from '../support/open-telemetry.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-01`;
const OTHER_TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const failing: Tool = () => {
  throw new Error('No luck');
};
const nested: Tool = () => {
  api.trace.getTracer('tool').startSpan('query').end();
};

const log = { warn: () => assert.fail('nothing is wrong') };
const withoutSdk = await openTracing(log);
const sdk = startSdk();
after(() => sdk.stop());

test('there are no spans without an SDK', () => {
  assert.equal(withoutSdk, undefined);
});

describe('with an SDK', () => {
  function traced(tools: Record<string, Tool> = {}, env: Record<string, string> = {}) {
    sdk.spans();
    const tracing = createTracing(api);
    return sessionApp({ ping: () => 'pong', failing, nested, ...tools }, env, { tracing });
  }
  const spans = () => sdk.spans();
  async function call(app: TestApp, name: string, meta = {}, headers: Record<string, string> = {}) {
    const request = modernRequest('tools/call', { name, arguments: {}, _meta: meta }, { headers, id: 7 });
    await (await app.request('POST', request)).text();
  }

  test('there are', async () => {
    assert.notEqual(await openTracing(log), undefined);
  });

  test('can be flushed', async () => {
    const { flushes } = sdk;
    await createTracing(api).flush();
    assert.equal(sdk.flushes, flushes + 1);
  });

  for (const shortcuts of ['on', 'off']) {
    test(`a call of 2026-07-28 is a SERVER span by the conventions, with MCP_SHORTCUTS=${shortcuts}`, async () => {
      const { app } = traced({}, { MCP_SHORTCUTS: shortcuts });
      await call(app, 'ping');
      const [span, ...others] = spans();
      assert.equal(others.length, 0);
      assert.equal(span?.name, 'tools/call ping');
      assert.equal(span?.kind, api.SpanKind.SERVER);
      assert.equal(span?.status.code, api.SpanStatusCode.UNSET);
      assert.deepEqual(span?.attributes, {
        'mcp.method.name': 'tools/call',
        'mcp.protocol.version': '2026-07-28',
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'ping',
        'jsonrpc.request.id': '7',
        'network.transport': 'tcp',
        'network.protocol.name': 'http',
      });
    });

    test(`spans that a tool begins are children of its call, with MCP_SHORTCUTS=${shortcuts}`, async () => {
      const { app } = traced({}, { MCP_SHORTCUTS: shortcuts });
      await call(app, 'nested');
      const [query, span] = spans();
      assert.equal(query?.name, 'query');
      assert.equal(query?.parentSpanContext?.spanId, span?.spanContext().spanId);
    });
  }

  test('spans of a tool are children of its call in a session, too, which may be one of a batch', async () => {
    const { app } = traced();
    const session = await openSession(app);
    spans();
    await session.call('nested', {});
    const [query, span] = spans();
    assert.equal(query?.parentSpanContext?.spanId, span?.spanContext().spanId);

    const body = [
      rpc('tools/call', { name: 'ping', arguments: {} }),
      rpc('tools/call', { name: 'nested', arguments: {} }),
    ];
    await (await session.post(body)).text();
    const batch = spans();
    const ofTool = batch.find(({ name }) => name === 'query');
    const ofCall = batch.find(({ name }) => name === 'tools/call nested');
    assert.ok(batch.some(({ name }) => name === 'tools/call ping'));
    assert.equal(ofTool?.parentSpanContext?.spanId, ofCall?.spanContext().spanId);
  });

  test('a handshake is a span for each message, without a session id', async () => {
    const { app } = traced();
    const session = await openSession(app);
    const told = spans();
    assert.deepEqual(
      told.map(({ name }) => name),
      ['initialize', 'notifications/initialized'],
    );
    assert.doesNotMatch(JSON.stringify(told.map(({ attributes }) => attributes)), new RegExp(session.id));
  });

  test('the parent is the traceparent in _meta, which links the one of HTTP', async () => {
    const { app } = traced();
    await call(app, 'ping', { traceparent: TRACEPARENT }, { traceparent: OTHER_TRACEPARENT });
    const [span] = spans();
    assert.equal(span?.spanContext().traceId, TRACE_ID);
    assert.equal(span?.parentSpanContext?.spanId, PARENT_ID);
    assert.deepEqual(
      span?.links.map(({ context }) => context.spanId),
      [OTHER_TRACEPARENT.split('-')[2]],
    );
  });

  test('without one in _meta, or with one that is not valid, the parent is that of HTTP, and of an instrumented server first', async () => {
    const { app } = traced();
    for (const meta of [{}, { traceparent: 'nonsense' }, { traceparent: 7 }]) {
      await call(app, 'ping', meta, { traceparent: TRACEPARENT });
      assert.equal(spans()[0]?.parentSpanContext?.spanId, PARENT_ID);
    }
    await api.trace.getTracer('http').startActiveSpan('POST', async (http) => {
      await call(app, 'ping', {}, { traceparent: TRACEPARENT });
      http.end();
    });
    const [span, http] = spans();
    assert.equal(span?.parentSpanContext?.spanId, http?.spanContext().spanId);
  });

  test('a tracestate in _meta is taken up to 8192 characters, so that spans that wait to be sent stay small', async () => {
    const { app } = traced();
    const longest = `key=${'v'.repeat(8192 - 'key='.length)}`;
    for (const [tracestate, isTaken] of [
      [longest, true],
      [`${longest}v`, false],
    ] as const) {
      await call(app, 'ping', { traceparent: TRACEPARENT, tracestate });
      const [span] = spans();
      assert.equal(span?.parentSpanContext?.spanId, PARENT_ID);
      assert.equal(span?.spanContext().traceState !== undefined, isTaken);
    }
  });

  test('an error is a status and an error.type: tool_error of a tool, the code of JSON-RPC, the HTTP status of a refusal', async () => {
    const { app } = traced();
    await call(app, 'failing');
    await (await app.request('POST', modernRequest('no/such-method'))).text();
    await app.request('POST', { headers: { ...JSON_HEADERS, 'mcp-session-id': 'gone' }, body: rpc('tools/list') });
    const told = spans();
    assert.deepEqual(
      told.map(({ attributes }) => [attributes['error.type'], attributes['rpc.response.status_code']]),
      [
        ['tool_error', undefined],
        ['-32601', '-32601'],
        ['404', undefined],
      ],
    );
    assert.ok(told.every(({ status }) => status.code === api.SpanStatusCode.ERROR));
  });

  test('no name, id or revision that a client invents is in a span', async () => {
    const { app } = traced();
    const secret = 'invented-by-a-client';
    await call(app, secret);
    await (await app.request('POST', modernRequest(secret, {}, { id: secret }))).text();
    const headers = { ...JSON_HEADERS, 'mcp-session-id': secret, 'mcp-protocol-version': '1999-12-31' };
    await app.request('POST', { headers, body: rpc('prompts/get', { name: secret }, secret) });
    const told = spans();
    assert.deepEqual(
      told.map(({ name }) => name),
      ['tools/call', 'other', 'prompts/get'],
    );
    for (const { name, attributes, status } of told) {
      assert.doesNotMatch(JSON.stringify([name, attributes, status]), new RegExp(`${secret}|1999`));
    }
  });
});
