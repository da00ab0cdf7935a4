/** `--watch`, with real processes and files. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { connectHttp } from '../support/clients.ts';
import { copyEntry } from '../support/entry-copy.ts';
import { freePort } from '../support/ports.ts';
import { startEntry, type EntryProcess } from '../support/process.ts';
import { SKIP_WITHOUT_SQLITE, temporaryDir } from '../support/sqlite.ts';

/** A tool file with one tool, which remembers numbers of its session, and `more` at its end. */
const toolFile = (tool: string, more = '') => `
import { McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

export const createMcpServer = ({ state }) => {
  const server = new McpServer({ name: 'watched', version: '1.0.0' });
  server.registerTool('${tool}', { inputSchema: z.object({ value: z.number() }) }, async ({ value }) => {
    const all = await state.session.update('numbers', (before = []) => [...before, value]);
    return { content: [{ type: 'text', text: all.join(' ') }] };
  });
  server.registerTool('hang', {}, () => {
    console.error('hanging');
    return new Promise(() => {});
  });
  return server;
};
${more}
`;
const BROKEN = 'export const createMcpServer = (';

interface Watched extends EntryProcess {
  url: string;
  /** Writes a file into the folder of the server. */
  write(name: string, text: string): Promise<void>;
  /** Waits until it has begun to listen so many times. */
  listened(times: number): Promise<unknown>;
  /** The tools that a new client is offered. */
  tools(): Promise<string[]>;
}

/** Starts a copy of `src/http-server.ts` with `--watch`, or the command on its tool file. */
async function startWatched(
  t: TestContext,
  { text = toolFile('first'), env = {}, isCommand = false }: StartOptions = {},
): Promise<Watched> {
  const { entry, folder } = await copyEntry(t, 'http-server.ts', text);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/mcp`;
  const program = isCommand ? 'src/node/cli.ts' : entry;
  if (isCommand) await writeFile(join(folder, 'server.mjs'), text);
  const args = [...(isCommand ? [join(folder, 'server.mjs')] : []), '--watch'];
  const started = startEntry(t, program, { args, env: { PORT: String(port), ...env } });
  await started.stderrMatch(/^Restarts when a source file in \S+ changes$/m);
  return Object.assign(started, {
    url,
    async write(name: string, content: string) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    },
    listened: (times: number) => started.stderrMatch(new RegExp(`(?:listening on[^]*){${times}}`)),
    async tools() {
      const { tools } = await (await connectHttp(t, 'v2 pinned', url)).listTools();
      return tools.map(({ name }) => name);
    },
  });
}

interface StartOptions {
  text?: string;
  env?: Record<string, string>;
  isCommand?: boolean;
}

/** Ends it, and waits until no process has its output open any more: not the server either. */
async function end(watched: Watched, signal: NodeJS.Signals): Promise<unknown> {
  watched.signal(signal);
  return watched.exit();
}

for (const [program, file, signal] of [
  ['src/http-server.ts', 'mcp-server.ts', 'SIGTERM'],
  ['hono-mcp-server', 'server.mjs', 'SIGINT'],
] as const) {
  test(`${program} --watch serves the tools of a file that has changed, and ends on ${signal} with code 0`, async (t) => {
    const watched = await startWatched(t, { isCommand: program === 'hono-mcp-server' });
    await watched.listened(1);
    assert.deepEqual(await watched.tools(), ['first', 'hang']);
    await watched.write(file, toolFile('second'));
    await watched.listened(2);
    assert.ok(watched.stderr.includes(`/${file} has changed: restarting\n`));
    assert.deepEqual(await watched.tools(), ['second', 'hang']);
    assert.deepEqual(await end(watched, signal), { code: 0, signal: null });
    assert.equal(watched.stderr.match(/"msg":"stopped"/g)?.length, 2);
  });
}

test('goes on once a mistake is corrected, at the start or later', async (t) => {
  const watched = await startWatched(t, { text: BROKEN });
  await watched.stderrMatch(/The server has ended \(code 1\)/);
  await watched.write('mcp-server.ts', toolFile('first'));
  await watched.listened(1);
  await watched.write('mcp-server.ts', BROKEN);
  await watched.stderrMatch(/(?:The server has ended \(code 1\)[^]*){2}/);
  await watched.write('mcp-server.ts', toolFile('second'));
  await watched.listened(2);
  assert.deepEqual(await watched.tools(), ['second', 'hang']);
});

test('restarts for source in a new folder, and not for data, hidden folders or packages', async (t) => {
  const watched = await startWatched(t);
  await watched.listened(1);
  await watched.write('lib/deep/one.ts', '');
  // The last one is named, if it counts.
  for (const name of ['notes.json', '.cache/one.ts', 'node_modules/one.ts']) await watched.write(name, '');
  await watched.listened(2);
  const named = [...watched.stderr.matchAll(/^\S+?([^/]+) has changed: restarting$/gm)].map(([, file]) => file);
  assert.deepEqual(named, ['one.ts']);
  assert.match(watched.stderr, /\/lib\/deep\/one\.ts has changed/);
});

test('lets running calls finish for a second, and then cuts them', async (t) => {
  const watched = await startWatched(t);
  await watched.listened(1);
  const client = await connectHttp(t, 'v2 pinned', watched.url);
  const call = client.call('hang').catch((error: unknown) => error);
  await watched.stderrMatch(/^hanging$/m);
  await watched.write('mcp-server.ts', toolFile('second'));
  await watched.listened(2);
  assert.match(watched.stderr, /"callsCut":1,"msg":"stopped"/);
  assert.ok((await call) instanceof Error);
});

test('kills a server that is too busy to stop', async (t) => {
  const busy = "console.error('busy');\nsetTimeout(() => { for (;;); });";
  const watched = await startWatched(t, { text: toolFile('first', busy), env: { MCP_DRAIN_SECONDS: '0' } });
  await watched.stderrMatch(/^busy$/m);
  await watched.write('mcp-server.ts', toolFile('second'));
  await watched.stderrMatch(/restarting[^]*listening on/);
  assert.deepEqual(await watched.tools(), ['second', 'hang']);
});

test('leaves the sessions of clients alone with MCP_DATA_DIR', { skip: SKIP_WITHOUT_SQLITE }, async (t) => {
  const watched = await startWatched(t, { env: { MCP_DATA_DIR: temporaryDir(t) } });
  await watched.listened(1);
  const client = await connectHttp(t, 'v1', watched.url);
  const { sessionId } = client.transport;
  const before = await client.call('first', { value: 1 });
  assert.equal(before.content[0]?.text, '1');
  await watched.write('mcp-server.ts', toolFile('second'));
  await watched.listened(2);
  const later = await client.call('second', { value: 2 });
  assert.equal(later.content[0]?.text, '1 2');
  assert.equal(client.transport.sessionId, sessionId);
});

describe('ends with the server', () => {
  test('on SIGHUP, with code 0', async (t) => {
    const watched = await startWatched(t);
    await watched.listened(1);
    assert.deepEqual(await end(watched, 'SIGHUP'), { code: 0, signal: null });
    assert.match(watched.stderr, /"msg":"stopped"/);
  });

  test('while the server is down after a mistake, with code 0', async (t) => {
    const watched = await startWatched(t, { text: BROKEN });
    await watched.stderrMatch(/The server has ended/);
    assert.deepEqual(await end(watched, 'SIGTERM'), { code: 0, signal: null });
  });

  test('in the middle of a restart, with code 0', async (t) => {
    const watched = await startWatched(t);
    await watched.listened(1);
    await watched.write('mcp-server.ts', toolFile('second'));
    await watched.stderrMatch(/has changed: restarting/);
    assert.deepEqual(await end(watched, 'SIGTERM'), { code: 0, signal: null });
  });

  test('by SIGKILL, which only the server can notice, and stops', async (t) => {
    const watched = await startWatched(t);
    await watched.listened(1);
    assert.deepEqual(await end(watched, 'SIGKILL'), { code: null, signal: 'SIGKILL' });
    assert.match(watched.stderr, /"msg":"stopped"/);
  });

  test('when the server has nothing to do, such as with --help', async (t) => {
    const help = startEntry(t, 'src/http-server.ts', { args: ['--watch', '--help'] });
    assert.deepEqual(await help.exit(), { code: 0, signal: null });
    assert.match(help.stdout, /--watch +restart when a source file changes/);
  });
});
