/** What the log says of servers that were dropped while their session went on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { McpServer } from '@modelcontextprotocol/server';
import { openSession, readStream, type TestApp } from '../support/app.ts';
import { fixture, type Tool } from '../support/fixture.ts';
import { sessionApp } from '../support/session-app.ts';
import { pass, settled } from '../support/time.ts';
import { messagesAt } from '../support/log-lines.ts';

/** Tools of servers that change after they were built, or do not. */
const TOOLS: Record<string, Tool> = {
  plain: () => 1,
  register: ({ server }) => void server.registerTool('another', {}, () => ({ content: [] })),
  prompts: ({ server }) => server.server.sendPromptListChanged(),
  resources: ({ server }) => server.server.sendResourceListChanged(),
  update: ({ server }) => server.server.sendResourceUpdated({ uri: 'test:one' }),
};

const warnings = ({ lines }: TestApp) => messagesAt('warn', lines);

interface Setup {
  env: Record<string, string>;
  /** Has the server of an idle session dropped. */
  drop: (made: ReturnType<typeof watchedApp>) => Promise<unknown>;
  /** What the log says of it, even if the server had not changed. */
  warning?: RegExp;
}

function watchedApp(env: Record<string, string>, servers = fixture(TOOLS, announcing)) {
  const { createServer } = servers;
  let short = () => {};
  const watchMemory = (onReading: (isShort: boolean) => void) => {
    short = () => onReading(true);
    return () => {};
  };
  return { ...sessionApp({}, env, { watchMemory, createServer }), short: () => short(), open: () => servers.open };
}

/** Announces prompts and resources, which the SDK does by itself only for what is registered. */
function announcing({ server }: McpServer): void {
  server.registerCapabilities({ prompts: { listChanged: true }, resources: { listChanged: true } });
}

const NO_IDLE_LIMIT = { MCP_LIVE_IDLE_SECONDS: '' };
const WAYS: Record<string, Setup> = {
  'because of MCP_MAX_LIVE_SESSIONS': {
    env: { MCP_MAX_LIVE_SESSIONS: '1', ...NO_IDLE_LIMIT },
    drop: ({ app }) => openSession(app),
    warning: /more idle servers than MCP_MAX_LIVE_SESSIONS.*context\.state.*raise MCP_MAX_LIVE_SESSIONS/,
  },
  'because memory is short': {
    env: { MCP_MAX_LIVE_SESSIONS: '1', ...NO_IDLE_LIMIT },
    drop: async ({ short }) => short(),
    warning: /memory is short.*context\.state.*--max-old-space-size/,
  },
  'after MCP_LIVE_IDLE_SECONDS': {
    env: { MCP_MAX_LIVE_SESSIONS: '9', MCP_LIVE_IDLE_SECONDS: '60' },
    drop: ({ clock }) => pass(clock, 80_000),
  },
  'after a request with MCP_MAX_LIVE_SESSIONS=0': {
    env: { MCP_MAX_LIVE_SESSIONS: '0' },
    drop: async ({ open }) => {
      while (open() > 0) await settled();
    },
  },
};
const CHANGED = /dropped that had told its client of a changed list.*createMcpServer/;

for (const [way, { env, drop, warning }] of Object.entries(WAYS)) {
  describe(`a server that is dropped ${way}`, () => {
    test(warning ? 'is warned of once, with the remedy' : 'is not worth a warning', async () => {
      const made = watchedApp(env);
      for (let time = 0; time < 3; time += 1) {
        await (await openSession(made.app)).call('plain', {});
        await drop(made);
      }
      const found = warnings(made.app);
      assert.equal(found.length, warning ? 1 : 0);
      if (warning) assert.match(found[0] ?? '', warning);
    });

    for (const tool of ['register', 'prompts', 'resources']) {
      test(`and had changed itself (${tool}) is warned of once, with the remedy`, async () => {
        const made = watchedApp(env);
        for (let time = 0; time < 2; time += 1) {
          const session = await openSession(made.app);
          assert.equal((await session.call(tool, {})).result?.isError, undefined);
          await drop(made);
        }
        assert.equal(warnings(made.app).filter((line) => CHANGED.test(line)).length, 1);
      });
    }

    test('and had told of an updated resource only is not taken for one that had changed', async () => {
      const made = watchedApp(env);
      await (await openSession(made.app)).call('update', {});
      await drop(made);
      assert.ok(!warnings(made.app).some((line) => CHANGED.test(line)));
    });
  });
}

const ENDS: Record<string, (made: ReturnType<typeof watchedApp>, id: string) => Promise<unknown>> = {
  'is deleted': ({ app }, id) => app.request('DELETE', { headers: { 'mcp-session-id': id } }),
  expires: ({ clock }) => pass(clock, 120_000),
  'makes room for another': ({ app }) => openSession(app),
  'ends with the process': ({ app }) => app.drain(),
};
for (const [how, end] of Object.entries(ENDS)) {
  test(`nothing is lost with the changed server of a session that ${how}`, async () => {
    const env = { MCP_MAX_LIVE_SESSIONS: '1', MCP_MAX_SESSIONS: '1', MCP_SESSION_IDLE_SECONDS: '60' };
    const made = watchedApp(env);
    const session = await openSession(made.app);
    await session.call('register', {});
    await end(made, session.id);
    await settled();
    assert.deepEqual(warnings(made.app), []);
  });
}

test('a server that changes itself whenever a handshake is repeated is not taken for one that had changed', async () => {
  const servers = fixture(TOOLS, (server) => {
    server.server.oninitialized = () => server.sendToolListChanged();
  });
  const made = watchedApp({ MCP_MAX_LIVE_SESSIONS: '9', MCP_LIVE_IDLE_SECONDS: '60' }, servers);
  const session = await openSession(made.app);
  const there = made.another();
  const stream = readStream(
    await there.request('GET', { headers: { ...session.headers, accept: 'text/event-stream' } }),
  );
  await stream.cancel();
  await pass(made.clock, 80_000);
  assert.deepEqual(warnings(there), []);
});
