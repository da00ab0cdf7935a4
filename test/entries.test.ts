/** The entries with another tool file in the place of `src/mcp-server.ts`: they use all that it exports. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initializeRequest, JSON_HEADERS } from './support/app.ts';
import { copyEntry } from './support/entry-copy.ts';
import { startEntry, startHttpEntry } from './support/process.ts';

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

test('src/http-server.ts attaches to the notifier of the tool file, and tells it of sessions that end', async (t) => {
  const { entry } = await copyEntry(t, 'http-server.ts', TOOL_FILE);
  const server = await startHttpEntry(t, { entry });
  await server.stderrMatch(/attached/);
  const body = JSON.stringify(initializeRequest());
  const opened = await fetch(server.url, { method: 'POST', headers: JSON_HEADERS, body });
  await opened.text();
  const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  assert.equal((await fetch(server.url, { method: 'DELETE', headers })).status, 204);
  await server.stderrMatch(/ended: deleted/);
});

test('src/stdio-server.ts does the same', async (t) => {
  const { entry } = await copyEntry(t, 'stdio-server.ts', TOOL_FILE);
  const server = startEntry(t, entry);
  await server.stderrMatch(/attached/);
  server.writeLine(JSON.stringify(initializeRequest()));
  await server.stdoutMatch(/"result"/);
  server.endStdin();
  await server.stderrMatch(/ended: deleted/);
});
