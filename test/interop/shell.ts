/** Tests that need a shell, curl and `env -S` besides Node.js, and are therefore not part of `npm test`. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { initializeRequest } from '../support/app.ts';
import { PROJECT_ROOT, startCommand, startHttpEntry } from '../support/process.ts';

/** The URL in the docs, on the default port. */
const WRITTEN_URL = 'http://127.0.0.1:3000/mcp';

test('the curl commands in docs/connect.md work as they stand, each in its own block', async (t) => {
  const page = await readFile(join(PROJECT_ROOT, 'docs/connect.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const scripts = blocks.filter((block) => /\bcurl\b/.test(block) && block.includes(WRITTEN_URL));
  // One for each era at least.
  assert.ok(scripts.some((script) => script.includes('initialize')));
  assert.ok(scripts.some((script) => script.includes('MCP-Protocol-Version: 2026-07-28')));

  const server = await startHttpEntry(t, { env: { LOG_LEVEL: 'debug' } });
  for (const script of scripts) {
    const shell = startCommand(t, 'sh', { args: ['-euc', script.replaceAll(WRITTEN_URL, server.url)] });
    assert.deepEqual(await shell.exit(), { code: 0, signal: null }, shell.stderr);
    assert.match(shell.stdout, /"structuredContent":\{"slug":"hello-world"\}/);
  }
  // curl ends with code 0 whatever the status is; the log knows. It is complete when the server has ended.
  server.signal('SIGTERM');
  await server.exit();
  const statuses = [...server.stderr.matchAll(/ msg=request .* status=(\d+)/g)].map(([, status]) => status);
  const commands = scripts.join('').match(/\bcurl -/g) ?? [];
  assert.equal(statuses.length, commands.length);
  assert.deepEqual(
    statuses.filter((status) => !status?.startsWith('2')),
    [],
  );
});

test('src/stdio-server.ts runs by itself from the root of the project', async (t) => {
  const server = startCommand(t, './src/stdio-server.ts');
  server.writeLine(JSON.stringify(initializeRequest()));
  await server.stdoutMatch(/"serverInfo":\{"name":"hono-mcp-server"/);
  server.endStdin();
  assert.deepEqual(await server.exit(), { code: 0, signal: null });
});
