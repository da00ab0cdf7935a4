import assert from 'node:assert/strict';
import { test } from 'node:test';
import { McpServer, Server } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { BuildServer } from '../../src/context/context.ts';
import { createServerDescription } from '../../src/page/server-description.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import { manualClock } from '../support/clock.ts';
import { createTestServer } from '../support/test-server.ts';
import { settled } from '../support/time.ts';

const INFO = { name: 'test-server', version: '1.0.0' };

/** Describes what `build` builds, and counts how many servers were built and are still open. */
function describing(build: BuildServer) {
  const clock = manualClock();
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', write: (line) => lines.push(line) });
  const counts = { built: 0, open: 0 };
  const buildServer: BuildServer = async (request) => {
    counts.built += 1;
    const server = await build(request);
    const protocol = server instanceof McpServer ? server.server : server;
    counts.open += 1;
    protocol.onclose = () => {
      counts.open -= 1;
    };
    return server;
  };
  return { clock, lines, counts, describe: createServerDescription({ buildServer, clock, log }) };
}

test('tells the name, the instructions and the tools of a server, and closes all that it opened', async () => {
  const server = () => {
    const about = { ...INFO, title: 'Test', description: 'For tests', websiteUrl: 'https://example.com/' };
    const built = new McpServer(about, { instructions: 'Use echo.' });
    const echo = { description: 'Says it again', inputSchema: z.object({ text: z.string() }) };
    built.registerTool('echo', echo, ({ text }) => ({ content: [{ type: 'text', text }] }));
    return built;
  };
  const { describe, counts, clock, lines } = describing(async () => server());
  const description = await describe();
  assert.deepEqual(description?.serverInfo, {
    ...INFO,
    title: 'Test',
    description: 'For tests',
    websiteUrl: 'https://example.com/',
  });
  assert.equal(description?.instructions, 'Use echo.');
  assert.deepEqual(
    description?.tools?.map(({ name, inputSchema: { required } }) => [name, required]),
    [['echo', ['text']]],
  );
  await settled();
  assert.deepEqual([counts.open, clock.pending, lines], [0, 0, []]);
});

test('asks as an unauthenticated caller of 2026-07-28', async () => {
  const requests: unknown[] = [];
  const { describe } = describing(async (request) => {
    requests.push(request);
    return createTestServer();
  });
  assert.deepEqual(
    (await describe())?.tools?.map(({ name }) => name),
    ['echo', 'count'],
  );
  assert.deepEqual(requests[0], { era: 'modern', caller: {} });
});

test('reads the answer of a server that says something before it answers', async () => {
  const { describe } = describing(async () => {
    const server = new Server(INFO, { capabilities: { tools: {}, logging: {} } });
    server.setRequestHandler('tools/list', async (_, { mcpReq }) => {
      await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: 'a list is coming' } });
      return { tools: [{ name: 'tool', inputSchema: { type: 'object' as const } }] };
    });
    return server;
  });
  assert.equal((await describe())?.tools?.length, 1);
});

test('reads every page of a list of tools, within a bound', async () => {
  const paged = (pages: number) => async () => {
    const server = new Server(INFO, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', ({ params }) => {
      const page = Number(params?.cursor ?? 0);
      const tools = [{ name: `tool-${page}`, inputSchema: { type: 'object' as const } }];
      return { tools, ...(page + 1 < pages && { nextCursor: String(page + 1) }) };
    });
    return server;
  };
  assert.equal((await describing(paged(3)).describe())?.tools?.length, 3);
  assert.equal((await describing(paged(Infinity)).describe())?.tools?.length, 20);
});

test('a server without tools has none', async () => {
  const { describe, lines } = describing(async () => new McpServer(INFO));
  assert.deepEqual(await describe(), { serverInfo: INFO, instructions: undefined, tools: [] });
  assert.deepEqual(lines, []);
});

test('a server that does not list its tools still says who it is, and the log says why it has none', async () => {
  const { describe, lines } = describing(async () => {
    const server = new Server(INFO, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', ({ params }) => {
      if (params?.cursor === undefined) return { tools: [], nextCursor: 'next' };
      throw new Error('who are you?');
    });
    return server;
  });
  assert.deepEqual(await describe(), { serverInfo: INFO, instructions: undefined, tools: undefined });
  assert.match(lines.join('\n'), /who are you\?.*the server could not be asked for its tools/);
});

test('keeps an answer for ten seconds, and asks once for all who wait', async () => {
  const { describe, counts, clock } = describing(async () => createTestServer());
  const [first, second] = await Promise.all([describe(), describe()]);
  assert.ok(first);
  assert.equal(first, second);
  const servers = counts.built;
  clock.advance(9999);
  assert.equal(await describe(), first);
  assert.equal(counts.built, servers);
  clock.advance(1);
  assert.deepEqual(await describe(), first);
  assert.equal(counts.built, 2 * servers);
});

test('on Cloudflare Workers, no request waits for the promise of another', async () => {
  let isFirst = true;
  const build: BuildServer = async () => {
    if (!isFirst) return createTestServer();
    isFirst = false;
    return new Promise(() => {});
  };
  const log = createLogger({ level: 'silent' });
  const clock = { ...manualClock(), endsWithRequest: true };
  const describe = createServerDescription({ buildServer: build, clock, log });
  void describe();
  assert.equal((await describe())?.serverInfo.name, 'test-server');
});

test('a server that cannot be built is logged, and asked again after ten seconds', async () => {
  let isBroken = true;
  const { describe, lines, clock } = describing(async () => {
    if (isBroken) throw new Error('no database');
    return createTestServer();
  });
  assert.equal(await describe(), undefined);
  assert.equal(await describe(), undefined);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /"level":"warn".*no database.*the server could not be asked about itself/);
  isBroken = false;
  clock.advance(10_000);
  assert.equal((await describe())?.serverInfo.name, 'test-server');
});

test('a server that hangs is given up after five seconds', async () => {
  const { describe, lines, clock } = describing(() => new Promise(() => {}));
  const pending = describe();
  await settled();
  clock.advance(5000);
  assert.equal(await pending, undefined);
  assert.match(lines[0] ?? '', /no answer within 5000 ms/);
  assert.equal(clock.pending, 0);
});
