/** Tests that need a shell, curl and `env -S` besides Node.js, and are therefore not part of `npm test`. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { initializeRequest } from '../support/app.ts';
import { PROJECT_ROOT, startCommand, startHttpEntry } from '../support/process.ts';
import { logLines } from '../support/log-lines.ts';
import { startTerminal } from '../support/terminal.ts';

/** The URL in the docs, on the default port. */
const WRITTEN_URL = 'http://127.0.0.1:3000/mcp';
/** What the tool says to the text of the docs. */
const SLUG = /"structuredContent":\{"slug":"hello-world"\}/;

test('the curl commands in docs/connect.md work as they stand, pasted one block after the other', async (t) => {
  const page = await readFile(join(PROJECT_ROOT, 'docs/connect.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const scripts = blocks.filter((block) => /\bcurl\b/.test(block) && block.includes(WRITTEN_URL));
  const [call, follow, end, modernCall, listen, ...others] = scripts;
  assert.ok(call && follow && end && modernCall && listen);
  assert.deepEqual(others, []);

  const server = await startHttpEntry(t, { env: { LOG_LEVEL: 'debug' } });
  const replace = (block: string) => block.replaceAll(WRITTEN_URL, server.url);
  const terminal = startTerminal(t, { replace });
  assert.match(await terminal.paste(call), SLUG);
  assert.match(await terminal.paste(follow), SLUG);
  await terminal.shows(/"method":"notifications\/resources\/updated"/);
  await terminal.paste(end);
  assert.match(await terminal.paste(modernCall), SLUG);
  // As the page says: left running in one terminal, while the tool is called in another.
  const second = startTerminal(t, { replace });
  const listening = second.paste(listen);
  await second.shows(/"method":"notifications\/subscriptions\/acknowledged"/);
  assert.match(await terminal.paste(modernCall), SLUG);
  await second.shows(/"method":"notifications\/resources\/updated"/);
  // curl ends with code 0 whatever the status is; the log knows. It is complete when the server has ended.
  server.signal('SIGTERM');
  await Promise.all([server.exit(), listening]);
  const statuses = logLines(server.stderr).flatMap(({ msg, status }) => (msg === 'request' ? [String(status)] : []));
  const commands = [...scripts, modernCall].join('').match(/\bcurl -/g) ?? [];
  assert.equal(statuses.length, commands.length);
  assert.deepEqual(
    statuses.filter((status) => !status.startsWith('2')),
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
