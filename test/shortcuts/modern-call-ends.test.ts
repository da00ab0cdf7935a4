/** How tool calls of 2026-07-28 end: answered, cut off, or wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJsonSchema, McpServer, Server } from '@modelcontextprotocol/server';
import { ModernCallTransport } from '../../src/shortcuts/modern-call.ts';
import { answerOf, gate, messagesIn, testApp, type RpcAnswer } from '../support/app.ts';
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

  test(`ends a stream whose result has ${what}, with an error or without an answer`, async () => {
    for (const [isShort, expected] of [
      [true, [-32603]],
      [false, []],
    ] as const) {
      const { app } = appWith(() => value, { isShort });
      const response = await app.request('POST', call('tool', {}, {}, { progressToken: 1 }));
      const messages = messagesIn(await response.text());
      const codes = messages.flatMap((message) => (message as Partial<RpcAnswer>).error?.code ?? []);
      assert.deepEqual([response.status, codes, messages.length], [200, expected, 1 + expected.length]);
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

test('answers a long call with JSON if it sends nothing before its result', async () => {
  const clock = manualClock();
  const over = gate();
  const createServer = () => {
    const server = new McpServer({ name: 'test', version: '1' });
    server.registerTool('tool', {}, () => over.opened.then(() => said('late')));
    return server;
  };
  const response = testApp({}, { createServer, clock }).request('POST', call('tool'));
  await pass(clock, 60_000);
  over.open();
  assert.equal((await response).headers.get('content-type'), 'application/json');
});

for (const isShort of [true, false]) {
  const way = isShort ? 'the short way' : "the SDK's handler";
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

test('answers 500 to a call for which createServer returns a server that is already in use, and says so in the log', async () => {
  const server = new McpServer({ name: 'test', version: '1' });
  const { tool, started } = waiting();
  server.registerTool('tool', {}, async ({ mcpReq }) => said(String(await tool(mcpReq.signal))));
  const app = testApp({ MCP_DRAIN_SECONDS: '0' }, { createServer: () => server });
  const running = app.request('POST', call('tool'));
  await started;
  assert.equal((await app.request('POST', call('tool'))).status, 500);
  assert.ok(app.lines.some((line) => line.includes('already in use')));
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
