/** What metrics hear of calls: one call each, whatever the era, the way it was answered, and how it ended. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Server } from '@modelcontextprotocol/server';
import { UnavailableError } from '../../src/lib/unavailable-error.ts';
import { createMemorySessionStore } from '../../src/memory/memory-session-store.ts';
import {
  answerOf,
  gate,
  JSON_HEADERS,
  modernRequest,
  openSession,
  readStream,
  rpc,
  type TestApp,
} from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import type { Tool } from '../support/fixture.ts';
import { testMetrics, type TestMetrics } from '../support/metrics.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';

const failing: Tool = () => {
  throw new Error('No luck');
};

function metered(tools: Record<string, Tool> = {}, env: Record<string, string> = {}) {
  const metrics = testMetrics();
  return { metrics, ...sessionApp({ ping: () => 'pong', failing, ...tools }, env, { metrics }) };
}

/** The method, tool and error of each call that has ended. */
const ended = ({ calls }: TestMetrics) =>
  calls.map(({ method, tool, errorType }) => [method, tool, errorType].filter((part) => part !== undefined).join(' '));

async function callModern(app: TestApp, name: string, headers: Record<string, string> = {}) {
  const request = modernRequest('tools/call', { name, arguments: {} }, { headers });
  const response = await app.request('POST', request);
  await response.text();
  return response;
}

describe('a call in a session', () => {
  test('ends once with its method, tool and time, like the handshake before it', async () => {
    const { app, metrics, clock } = metered({
      slow: async () => {
        clock.advance(1500);
        return 'done';
      },
    });
    const session = await openSession(app);
    await session.call('slow', {});
    assert.deepEqual(ended(metrics), ['initialize', 'notifications/initialized', 'tools/call slow']);
    assert.deepEqual(
      metrics.calls.map(({ seconds }) => seconds),
      [0, 0, 1.5],
    );
  });

  test('ends with tool_error if its tool fails, and with the code of a JSON-RPC error', async () => {
    const { app, metrics } = metered();
    const session = await openSession(app);
    await session.post(rpc('tools/list'));
    await session.call('failing', {});
    await session.post(rpc('no/such-method'));
    assert.deepEqual(ended(metrics).slice(2), ['tools/list', 'tools/call failing tool_error', 'other -32601']);
  });

  test('ends with the answer on its stream, not with the headers', async () => {
    const { opened, open } = gate();
    const { app, metrics, clock } = metered({ held: () => opened });
    const session = await openSession(app);
    const pending = session.post(rpc('tools/call', { name: 'held', arguments: {} }));
    await settled();
    clock.advance(1);
    const stream = readStream(await pending);
    assert.equal(metrics.calls.length, 2);
    clock.advance(2999);
    open();
    await stream.ended();
    assert.deepEqual(metrics.calls.at(-1), { method: 'tools/call', tool: 'held', errorType: undefined, seconds: 3 });
  });

  test('ends when it is cancelled', async () => {
    const { app, metrics } = metered({ held: () => gate().opened });
    const session = await openSession(app);
    const call = rpc('tools/call', { name: 'held', arguments: {} });
    const pending = session.post(call);
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } });
    await (await pending).text();
    assert.deepEqual(ended(metrics).slice(2).toSorted(), ['notifications/cancelled', 'tools/call other -32000']);
  });

  test('is watched to its end in a batch on a stream, and a notification in it ends with the headers', async () => {
    const { opened, open } = gate();
    const { app, metrics } = metered({ held: () => opened });
    const session = await openSession(app);
    const notice = { jsonrpc: '2.0' as const, method: 'notifications/roots/list_changed' };
    const stream = readStream(await session.post([rpc('tools/call', { name: 'held', arguments: {} }), notice]));
    assert.deepEqual(ended(metrics).slice(2), ['notifications/roots/list_changed']);
    open();
    await stream.ended();
    assert.deepEqual(ended(metrics).slice(3), ['tools/call held']);
  });

  test('ends when its session does', async () => {
    const { app, metrics, clock } = metered({ held: () => gate().opened });
    const session = await openSession(app);
    const pending = session.post(rpc('tools/call', { name: 'held', arguments: {} }));
    await settled();
    clock.advance(1);
    const stream = readStream(await pending);
    await session.delete();
    await stream.ended();
    assert.deepEqual(ended(metrics).slice(2), ['tools/call other -32000']);
  });

  test('ends with the status if it is refused', async () => {
    const { app, metrics } = metered();
    const gone = { ...JSON_HEADERS, 'mcp-session-id': 'gone' };
    await app.request('POST', { headers: gone, body: rpc('tools/list') });
    assert.deepEqual(ended(metrics), ['tools/list 404']);
  });

  test('ends with 503 if the engine is unavailable, and with 500 if the app fails', async () => {
    const metrics = testMetrics();
    const failures: Error[] = [new UnavailableError('away'), new Error('a bug')];
    const store = createMemorySessionStore({ idleMs: 1000, clock: manualClock() });
    const use = async () => {
      throw failures.shift();
    };
    const { app } = sessionApp({}, { LOG_LEVEL: 'silent' }, { metrics, sessionStore: { ...store, use } });
    const headers = { ...JSON_HEADERS, 'mcp-session-id': 'any' };
    for (const status of [503, 500]) {
      assert.equal((await app.request('POST', { headers, body: rpc('tools/list') })).status, status);
    }
    assert.deepEqual(ended(metrics), ['tools/list 503', 'tools/list 500']);
  });

  test('is one of several in a batch, each of which ends on its own', async () => {
    const { app, metrics } = metered();
    const session = await openSession(app);
    const batch = [rpc('tools/list'), rpc('tools/call', { name: 'ping', arguments: {} }), rpc('no/such-method')];
    await (await session.post(batch)).text();
    assert.deepEqual(ended(metrics).slice(2).toSorted(), ['other -32601', 'tools/call ping', 'tools/list']);
  });
});

for (const shortcuts of ['on', 'off']) {
  describe(`a call of 2026-07-28 with MCP_SHORTCUTS=${shortcuts}`, () => {
    const env = { MCP_SHORTCUTS: shortcuts };

    test('ends once with its method and tool, as a success or with tool_error', async () => {
      const { app, metrics } = metered({}, env);
      await callModern(app, 'ping');
      await (await app.request('POST', modernRequest('tools/list'))).text();
      await callModern(app, 'failing');
      assert.deepEqual(ended(metrics), ['tools/call ping', 'tools/list', 'tools/call failing tool_error']);
    });

    test('of an unknown tool ends once with an error, as other', async () => {
      const { app, metrics } = metered({}, env);
      await callModern(app, 'unknown');
      assert.equal(metrics.calls.length, 1);
      assert.equal(metrics.calls[0]?.tool, 'other');
      assert.notEqual(metrics.calls[0]?.errorType, undefined);
    });

    test('ends once if its headers contradict its body', async () => {
      const { app, metrics } = metered({}, env);
      const response = await callModern(app, 'ping', { 'mcp-name': 'another' });
      assert.equal(response.status, 400);
      assert.deepEqual(ended(metrics), ['tools/call other 400']);
    });

    test('ends with the answer on its stream', async () => {
      const { opened, open } = gate();
      const { app, metrics, clock } = metered(
        {
          talks: async ({ context }) => {
            const progressToken = context.mcpReq._meta?.progressToken ?? 0;
            await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
            await opened;
            return 'done';
          },
        },
        env,
      );
      const params = { name: 'talks', arguments: {}, _meta: { progressToken: 1 } };
      const stream = readStream(await app.request('POST', modernRequest('tools/call', params)));
      await stream.next();
      assert.equal(metrics.calls.length, 0);
      clock.advance(2000);
      open();
      await stream.ended();
      assert.deepEqual(metrics.calls, [{ method: 'tools/call', tool: 'talks', errorType: undefined, seconds: 2 }]);
    });

    test('ends when its client leaves the stream', async () => {
      const { app, metrics } = metered(
        {
          talks: async ({ context }) => {
            const progressToken = context.mcpReq._meta?.progressToken ?? 0;
            await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
            await gate().opened;
          },
        },
        env,
      );
      const left = new AbortController();
      const params = { name: 'talks', arguments: {}, _meta: { progressToken: 1 } };
      const request = modernRequest('tools/call', params);
      const stream = readStream(await app.request('POST', { ...request, signal: left.signal }));
      await stream.next();
      left.abort();
      await stream.cancel();
      await settled();
      assert.deepEqual(ended(metrics), ['tools/call other 499']);
    });

    test('ends once if it was silent until the stream of comments began, and then its client leaves or a stop cuts it off', async () => {
      const silentEnv = { ...env, MCP_KEEP_ALIVE_SECONDS: '1', MCP_DRAIN_SECONDS: '0' };
      const silentCall = async () => {
        const { app, metrics, clock } = metered({ silent: () => gate().opened }, silentEnv);
        const left = new AbortController();
        const request = modernRequest('tools/call', { name: 'silent', arguments: {} });
        const pending = app.request('POST', { ...request, signal: left.signal });
        await settled();
        await pass(clock, 1100);
        const stream = readStream(await pending);
        assert.deepEqual(metrics.calls, []);
        return { app, metrics, left, stream };
      };
      const client = await silentCall();
      client.left.abort();
      await client.stream.cancel();
      await settled();
      assert.deepEqual(ended(client.metrics), ['tools/call other 499']);
      const stopped = await silentCall();
      await stopped.app.drain();
      await stopped.stream.ended();
      await settled();
      assert.equal(ended(stopped.metrics).length, 1);
      assert.notEqual(stopped.metrics.calls[0]?.errorType, undefined);
    });

    test('that opens a subscription ends as soon as it is open', async () => {
      const { app, metrics } = metered({}, env);
      const response = await app.request('POST', modernRequest('subscriptions/listen', { notifications: {} }));
      assert.equal(response.status, 200);
      assert.deepEqual(ended(metrics), ['subscriptions/listen']);
      await response.body?.cancel();
    });
  });
}

test('a call without sessions ends once, as in a session', async () => {
  const { app, metrics } = metered({}, { MCP_SESSIONS: 'stateless' });
  await answerOf(
    await app.request('POST', { headers: JSON_HEADERS, body: rpc('tools/call', { name: 'ping', arguments: {} }) }),
  );
  assert.deepEqual(ended(metrics), ['tools/call ping']);
});

describe('the name of a tool', () => {
  test('is other until the tool was listed or has worked', async () => {
    const { app, metrics } = metered();
    await callModern(app, 'failing');
    await callModern(app, 'ping');
    await (await app.request('POST', modernRequest('tools/list'))).text();
    await callModern(app, 'failing');
    assert.deepEqual(
      metrics.calls.map(({ tool }) => tool),
      ['other', 'ping', undefined, 'failing'],
    );
  });

  test('is other beyond 200 of them, also if a server has a tool for every name', async () => {
    const metrics = testMetrics();
    const createServer = () => {
      const server = new Server({ name: 'any', version: '1.0.0' }, { capabilities: { tools: {} } });
      server.setRequestHandler('tools/call', async () => ({ content: [] }));
      return server;
    };
    const { app } = sessionApp({}, {}, { metrics, createServer });
    for (let index = 0; index < 250; index += 1) await callModern(app, `tool-${index}`);
    const names = new Set(metrics.calls.map(({ tool }) => tool));
    assert.equal(names.size, 201);
    assert.ok(names.has('other') && names.has('tool-199') && !names.has('tool-200'));
  });
});

test('an answer to the server is no call', async () => {
  const { app, metrics } = metered();
  const session = await openSession(app);
  await session.post({ jsonrpc: '2.0', id: 'unasked', result: {} });
  assert.deepEqual(ended(metrics), ['initialize', 'notifications/initialized']);
});
