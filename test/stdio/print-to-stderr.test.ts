import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { initializeRequest, rpc } from '../support/app.ts';
import { PROJECT_ROOT, startEntry } from '../support/process.ts';
import { wireTo } from '../support/stdio-wire.ts';

/** A tool file that prints: while it is loaded, and in a call. */
const PRINTING = `
import { McpServer } from '@modelcontextprotocol/server';
console.info('while loading');
export function createMcpServer() {
  const server = new McpServer({ name: 'printing', version: '1.0.0' });
  server.registerTool('print', {}, () => {
    console.log('from a tool');
    console.table(['a table']);
    return { content: [] };
  });
  return server;
}`;

/** Writes the tool file, and whatever starts it; both are deleted with the test. */
async function folderOf(t: TestContext, entry?: string): Promise<string> {
  const folder = await mkdtemp(join(PROJECT_ROOT, 'test', 'snippet-printing-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'mcp-server.ts'), PRINTING);
  await writeFile(join(folder, 'mcp-server.mjs'), PRINTING);
  if (entry !== undefined) await writeFile(join(folder, 'entry.ts'), entry);
  return folder;
}

const WAYS: Record<string, (t: TestContext) => Promise<ReturnType<typeof startEntry>>> = {
  'of the stdio entry': async (t) => {
    const source = await readFile(join(PROJECT_ROOT, 'src/stdio-server.ts'), 'utf8');
    const folder = await folderOf(
      t,
      source.replaceAll(/'\.\/(?!mcp-server)/g, "'../../src/").replace('dirname}/..', 'dirname}/../..'),
    );
    return startEntry(t, join(folder, 'entry.ts'));
  },
  'of a module that the command hosts': async (t) => {
    const folder = await folderOf(t);
    return startEntry(t, 'src/node/cli.ts', { args: ['--stdio', join(folder, 'mcp-server.mjs')] });
  },
};

for (const [what, start] of Object.entries(WAYS)) {
  test(`what the tool file ${what} prints with console goes to stderr, not stdout`, async (t) => {
    const server = await start(t);
    const wire = wireTo(server);
    const requests = [initializeRequest(), rpc('tools/call', { name: 'print', arguments: {} })];
    for (const request of requests) {
      wire.send(request);
      assert.ok((await wire.answer(request)).result);
    }
    wire.end();
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    // It throws if a line is not JSON.
    assert.equal(wire.messages().length, requests.length);
    for (const printed of [/while loading/, /from a tool/, /a table/]) assert.match(server.stderr, printed);
  });
}
