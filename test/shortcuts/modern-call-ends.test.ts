/** How tool calls of 2026-07-28 end: answered, cut off, or wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJsonSchema, McpServer, Server } from '@modelcontextprotocol/server';
import { ModernCallTransport } from '../../src/shortcuts/modern-call.ts';
import { answerOf, gate, messagesIn, readStream, testApp, type RpcAnswer } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { call, region, said } from '../support/modern-call.ts';
import { assertRefused } from '../support/refusal.ts';
import { pass, settled } from '../support/time.ts';

/** An app with one tool on the fast path, and how often one of its servers was closed. */
function appWith(tool: (signal: AbortSignal) => unknown, { hasHook = true, isShort = true } = {}) {
  const seen = { closed: 0 };
  const app = testApp(
    { MCP_DRAIN_SECONDS: '0', MCP_SHORTCUTS: isShort ? 'on' : 'off' },
    {
      createServer: () => {
        const server = new McpServer({ name: 'test', version: '1' });
        server.registerTool('tool', {}, async ({ mcpReq }) => {
          assert.equal(server.server.transport instanceof ModernCallTransport, isShort);
          const progressToken = mcpReq._meta?.progressToken;
          if (progressToken !== undefined)
            await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
          return { content: [], structuredContent: { value: await tool(mcpReq.signal) } };
        });
        if (hasHook) server.server.onclose = () => void (seen.closed += 1);
        return server;
      },
    },
  );
  return { app, seen };
}

/** A tool that waits until its call is cancelled. */
function waiting() {
  const started = gate();
  let cancelled = false;
  const tool = (signal: AbortSignal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve((cancelled = true)));
      started.open();
    });
  return { tool, started: started.opened, isCancelled: () => cancelled };
}

test('tells a server with an onclose handler that its call is over', async () => {
  const { app, seen } = appWith(() => 1);
  await app.request('POST', call('tool'));
  await settled();
  assert.equal(seen.closed, 1);
});

const circle: unknown[] = [];
circle.push(circle);
for (const [what, value] of Object.entries({ 'a big integer': 1n, 'a circle': circle })) {
  test(`answers -32603 to a result with ${what}, which has no JSON form`, async () => {
    const { app } = appWith(() => value);
    const { id, error } = await answerOf(await app.request('POST', call('tool')));
    assert.deepEqual({ id, code: error?.code }, { id: 'mine', code: -32603 });
  });

  test(`answers 500 with -32603 to a result with ${what} in the SDK's handler`, async () => {
    const { app, seen } = appWith(() => value, { isShort: false });
    await assertRefused(await app.request('POST', call('tool')), { status: 500, code: -32603, id: 'mine' });
    assert.equal(seen.closed, 1);
    assert.equal(await app.drain(), 0);
  });

  test(`ends a stream whose result has ${what} with an error`, async () => {
    for (const isShort of [true, false]) {
      const { app } = appWith(() => value, { isShort });
      const response = await app.request('POST', call('tool', {}, {}, { progressToken: 1 }));
      const messages = messagesIn(await response.text());
      const codes = messages.flatMap((message) => (message as Partial<RpcAnswer>).error?.code ?? []);
      assert.deepEqual([response.status, codes, messages.length], [200, [-32603], 2]);
      assert.equal(await app.drain(), 0);
    }
  });
}

test('cancels a call whose client goes away, and closes its server', async () => {
  const { tool, started, isCancelled } = waiting();
  const { app, seen } = appWith(tool);
  const abort = new AbortController();
  const response = app.request('POST', { ...call('tool'), signal: abort.signal });
  await started;
  abort.abort();
  assert.equal((await response).status, 499);
  assert.deepEqual([isCancelled(), seen.closed], [true, 1]);
  assert.equal(await app.drain(), 0);
});

/** An app whose tool must not run: where it waits before, a gate opens and another is waited for. */
function waitingApp(where: 'factory' | 'challenge', properties: Record<string, typeof region> = {}) {
  const reached = gate();
  const released = gate();
  let hasRun = false;
  const wait = async () => {
    reached.open();
    await released.opened;
  };
  const app = testApp(
    { MCP_DRAIN_SECONDS: '0' },
    {
      createServer: async () => {
        if (where === 'factory') await wait();
        const server = new McpServer({ name: 'test', version: '1' });
        const inputSchema = fromJsonSchema({ type: 'object', properties });
        const scopeChallenge = where === 'challenge' ? () => wait().then(() => undefined) : undefined;
        server.registerTool('tool', { inputSchema, ...(scopeChallenge && { scopeChallenge }) }, () => {
          hasRun = true;
          return said('');
        });
        return server;
      },
    },
  );
  return { app, reached: reached.opened, release: released.open, hasRun: () => hasRun };
}

for (const where of ['factory', 'challenge'] as const) {
  test(`does not run a tool whose client goes away while the ${where} waits`, async () => {
    const { app, reached, release, hasRun } = waitingApp(where);
    const abort = new AbortController();
    const response = app.request('POST', { ...call('tool'), signal: abort.signal });
    await reached;
    abort.abort();
    release();
    assert.equal((await response).status, 499);
    await settled();
    assert.equal(hasRun(), false);
    assert.equal(await app.drain(), 0);
  });

  for (const properties of where === 'factory' ? [{}, { region }] : [{}]) {
    const kind = 'region' in properties ? 'with a header parameter ' : '';
    test(`does not run a tool ${kind}if draining times out while the ${where} waits`, async () => {
      const { app, reached, release, hasRun } = waitingApp(where, properties);
      const response = app.request('POST', call('tool'));
      await reached;
      await app.drain();
      release();
      assert.deepEqual([(await response).status, (await answerOf(await response)).id], [503, 'mine']);
      await settled();
      assert.equal(hasRun(), false);
    });
  }
}

for (const isShort of [true, false]) {
  const way = isShort ? 'the fast path' : "the SDK's handler";
  /** An app whose call is answered, or sends progress, when the test says so. */
  async function silentCall(accept?: string) {
    const clock = manualClock();
    const [progress, over] = [gate(), gate()];
    const createServer = () => {
      const server = new McpServer({ name: 'test', version: '1' });
      server.registerTool('tool', {}, async ({ mcpReq }) => {
        void progress.opened.then(() =>
          mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 'token', progress: 1 } }),
        );
        await over.opened;
        return said('late');
      });
      return server;
    };
    const env = { MCP_DRAIN_SECONDS: '0', MCP_SHORTCUTS: isShort ? 'on' : 'off' };
    const app = testApp(env, { createServer, clock });
    const { headers, body } = call('tool');
    const response = app.request('POST', { headers: { ...headers, ...(accept && { accept }) }, body });
    await settled();
    return { app, clock, progress, over, response };
  }

  test(`answers a call that is silent for less than MCP_KEEP_ALIVE_SECONDS with JSON, on ${way}`, async () => {
    const { clock, over, response } = await silentCall();
    await pass(clock, 14_999);
    over.open();
    assert.equal((await response).headers.get('content-type'), 'application/json');
  });

  test(`sends comments while a call is silent, and then its progress and answer, on ${way}`, async () => {
    const { app, clock, progress, over, response } = await silentCall();
    await pass(clock, 15_000);
    const stream = readStream(await response);
    void stream.ended();
    await pass(clock, 30_000);
    assert.deepEqual(stream.text.match(/^:/gm)?.length, 3);
    progress.open();
    await settled();
    over.open();
    await settled();
    const [told, answer] = messagesIn(stream.text);
    assert.equal(told?.['method'], 'notifications/progress');
    assert.equal(answer?.['id'], 'mine');
    assert.ok(answer?.['result']);
    assert.equal(await app.drain(), 0);
  });

  test(`keeps a client waiting that reads only JSON, on ${way}`, async () => {
    const { clock, over, response } = await silentCall('application/json');
    await pass(clock, 60_000);
    over.open();
    assert.equal((await response).headers.get('content-type'), 'application/json');
  });

  for (const accept of ['application/json, text/event-stream', 'text/event-stream', 'application/json']) {
    test(`answers a call under its id that a stop cuts off after progress, Accept: ${accept}, on ${way}`, async () => {
      const { app, progress, response } = await silentCall(accept);
      progress.open();
      await settled();
      await app.drain();
      const text = await (await response).text();
      assert.match(text, /"id":"mine","error":\{/);
    });
  }

  test(`cancels a call that runs for MCP_CALL_TIMEOUT_SECONDS, and says so, on ${way}`, async () => {
    for (const accept of [undefined, 'application/json']) {
      const { clock, response } = await silentCall(accept);
      // Less than a keep-alive interval more.
      await pass(clock, 3_610_000, 10_000);
      assert.match(await (await response).text(), /"id":"mine","error":\{[^}]*MCP_CALL_TIMEOUT_SECONDS/);
    }
  });

  test(`answers a silent call under its id that a stop cuts off, on ${way}`, async () => {
    const { app, clock, response } = await silentCall();
    await pass(clock, 15_000);
    const stream = readStream(await response);
    void stream.ended();
    assert.equal(await app.drain(), 1);
    await settled();
    const [answer] = messagesIn(stream.text);
    assert.equal(answer?.['id'], 'mine');
    assert.ok(answer?.['error']);
  });
}

for (const isShort of [true, false]) {
  const way = isShort ? 'the fast path' : "the SDK's handler";
  test(`answers 503 to a call that is cut off when draining times out, on ${way}`, async () => {
    const { tool, started, isCancelled } = waiting();
    const { app } = appWith(tool, { hasHook: false, isShort });
    const response = app.request('POST', call('tool'));
    await started;
    assert.equal(await app.drain(), 1);
    const { status, headers } = await response;
    assert.deepEqual([status, headers.get('retry-after'), isCancelled()], [503, '5', true]);
  });

  test(`answers 500 to a call whose tool closes its server, on ${way}`, async () => {
    const closing = testApp(
      { MCP_SHORTCUTS: isShort ? 'on' : 'off' },
      {
        createServer: () => {
          const server = new McpServer({ name: 'test', version: '1' });
          server.registerTool('tool', {}, async () => {
            await server.close();
            return said('');
          });
          return server;
        },
      },
    );
    await assertRefused(await closing.request('POST', call('tool')), { status: 500, code: -32603, id: 'mine' });
  });
}

test('tells a server what went wrong with its answer', async () => {
  const errors: string[] = [];
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1' });
    server.server.onerror = (error) => void errors.push(error.message);
    server.registerTool('tool', {}, () => ({ content: [], structuredContent: { value: circle } }));
    return server;
  };
  await testApp({ MCP_SHORTCUTS: 'on' }, { createServer }).request('POST', call('tool'));
  assert.match(errors.join(), /circular/);
});

test('answers 500 to a call for which createServer returns a server that it had returned before, and says so in the log', async () => {
  const server = new McpServer({ name: 'test', version: '1' });
  const { tool, started } = waiting();
  server.registerTool('tool', {}, async ({ mcpReq }) => said(String(await tool(mcpReq.signal))));
  const app = testApp({ MCP_DRAIN_SECONDS: '0' }, { createServer: () => server });
  const running = app.request('POST', call('tool'));
  await started;
  assert.equal((await app.request('POST', call('tool'))).status, 500);
  assert.ok(app.lines.some((line) => line.includes('it had returned before')));
  // The call that was there first goes on.
  assert.equal(await app.drain(), 1);
  assert.equal((await running).status, 503);
});

test('answers 500 with -32603 when a server cannot be built', async () => {
  const app = testApp({}, { createServer: () => Promise.reject(new Error('no database')) });
  const response = await app.request('POST', call('tool'));
  const { id, error } = await answerOf(response);
  assert.deepEqual([response.status, id, error?.code], [500, 'mine', -32603]);
  assert.equal(app.lines.filter((line) => line.includes('no database')).length, 1);
});

test('serves a low-level server on the fast path', async () => {
  let wasShort = false;
  const createServer = () => {
    const options = { capabilities: { tools: {} } };
    const server = new Server({ name: 'low level', version: '1' }, options);
    server.setRequestHandler('tools/call', ({ params }) => {
      wasShort = server.transport instanceof ModernCallTransport;
      return said(params.name);
    });
    return server;
  };
  const answer = await answerOf(await testApp({ MCP_SHORTCUTS: 'on' }, { createServer }).request('POST', call('any')));
  assert.deepEqual([answer.result?.content?.[0]?.text, wasShort], ['any', true]);
});
