/** The entries with another tool file in the place of `src/mcp-server.ts`: they use all that it exports. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test, type TestContext } from 'node:test';
import { initializeRequest, JSON_HEADERS } from './support/app.ts';
import { PROJECT_ROOT, startEntry, startHttpEntry } from './support/process.ts';

/** A tool file that says on stderr who uses its exports. */
const TOOL_FILE = `
import { McpServer } from '@modelcontextprotocol/server';
import { createNotifier } from '../../src/tools.ts';

export const notify = createNotifier();
export const onSessionEnd = (id: string, reason: string) => console.error('ended:', reason);
const attach = notify.attach;
notify.attach = (host) => {
  console.error('attached');
  return attach(host);
};
export const createMcpServer = () => new McpServer({ name: 'other', version: '1.0.0' });
`;

/** The path of an entry of that tool file. It is deleted with the test. */
async function entryOf(t: TestContext, name: string): Promise<string> {
  const folder = await mkdtemp(join(PROJECT_ROOT, 'test', 'snippet-entry-'));
  t.after(() => rm(folder, { recursive: true }));
  const source = await readFile(join(PROJECT_ROOT, 'src', name), 'utf8');
  await writeFile(join(folder, 'mcp-server.ts'), TOOL_FILE);
  await writeFile(
    join(folder, name),
    source.replaceAll(/'\.\/(?!mcp-server)/g, "'../../src/").replace('dirname}/..', 'dirname}/../..'),
  );
  return relative(PROJECT_ROOT, join(folder, name));
}

test('src/http-server.ts attaches to the notifier of the tool file, and tells it of sessions that end', async (t) => {
  const server = await startHttpEntry(t, { entry: await entryOf(t, 'http-server.ts') });
  await server.stderrMatch(/attached/);
  const body = JSON.stringify(initializeRequest());
  const opened = await fetch(server.url, { method: 'POST', headers: JSON_HEADERS, body });
  await opened.text();
  const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  assert.equal((await fetch(server.url, { method: 'DELETE', headers })).status, 204);
  await server.stderrMatch(/ended: deleted/);
});

test('src/stdio-server.ts does the same', async (t) => {
  const server = startEntry(t, await entryOf(t, 'stdio-server.ts'));
  await server.stderrMatch(/attached/);
  server.writeLine(JSON.stringify(initializeRequest()));
  await server.stdoutMatch(/"result"/);
  server.endStdin();
  await server.stderrMatch(/ended: deleted/);
});
