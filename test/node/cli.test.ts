import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { JSON_HEADERS, initializeRequest } from '../support/app.ts';
import { PROJECT_ROOT, startEntry, startHttpEntry } from '../support/process.ts';
import { wireTo } from '../support/stdio-wire.ts';

const CLI = 'src/node/cli.ts';
const SERVER = `
import { McpServer } from '@modelcontextprotocol/server';
const build = () => {
  const server = new McpServer({ name: 'hosted', version: '1.0.0' });
  server.registerTool('ping', {}, () => ({ content: [{ type: 'text', text: 'pong' }] }));
  return server;
};`;

/** Writes a module where it finds the packages of this project, and removes it after the test. */
async function moduleOf(t: TestContext, text: string, extension = 'mjs'): Promise<string> {
  const folder = await mkdtemp(join(PROJECT_ROOT, 'node_modules/.cli-test-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, `server.${extension}`);
  await writeFile(path, text);
  return path;
}

async function refusalOf(t: TestContext, args: string[], env?: Record<string, string>): Promise<string> {
  const started = startEntry(t, CLI, { args, env });
  assert.deepEqual(await started.exit(), { code: 1, signal: null });
  assert.equal(started.stdout, '');
  return started.stderr;
}

for (const [what, exported] of Object.entries({
  'that exports createMcpServer': 'export { build as createMcpServer };',
  'with a default function': 'export default build;',
})) {
  test(`hosts a module ${what} over HTTP`, async (t) => {
    const path = await moduleOf(t, SERVER + exported);
    const { url } = await startHttpEntry(t, { entry: CLI, args: [path] });
    const body = JSON.stringify(initializeRequest());
    const response = await fetch(url, { method: 'POST', headers: JSON_HEADERS, body });
    const { result } = (await response.json()) as { result: { serverInfo: { name: string } } };
    assert.equal(result.serverInfo.name, 'hosted');
  });
}

test('hosts a module over stdio with --stdio, in either order', async (t) => {
  const path = await moduleOf(t, `${SERVER}export default build;`);
  for (const args of [
    [path, '--stdio'],
    ['--stdio', path],
  ]) {
    const started = startEntry(t, CLI, { args });
    const wire = wireTo(started);
    const request = initializeRequest();
    wire.send(request);
    const answer = await wire.answer(request);
    assert.ok(answer?.result && 'serverInfo' in answer.result);
    started.endStdin();
    assert.deepEqual(await started.exit(), { code: 0, signal: null });
  }
});

const NOTING_END = `${SERVER}
import { createNotifier } from '../../src/tools.ts';
export default (context) => {
  console.error(context.notify === notify ? 'its own notify' : 'another notify');
  return build();
};
export const notify = createNotifier();
export const onSessionEnd = (id, reason) => console.error(\`ended \${id} \${reason}\`);`;

test('tells a module that exports onSessionEnd of each session, and passes the notify on that it exports', async (t) => {
  const started = await startHttpEntry(t, { entry: CLI, args: [await moduleOf(t, NOTING_END)] });
  const body = JSON.stringify(initializeRequest());
  const response = await fetch(started.url, { method: 'POST', headers: JSON_HEADERS, body });
  const id = response.headers.get('mcp-session-id') ?? '';
  await response.text();
  await started.stderrMatch(/^its own notify$/m);
  await fetch(started.url, { method: 'DELETE', headers: { 'mcp-session-id': id } });
  await started.stderrMatch(new RegExp(`^ended ${id} deleted$`, 'm'));
});

test('does the same over stdio', async (t) => {
  const started = startEntry(t, CLI, { args: [await moduleOf(t, NOTING_END), '--stdio'] });
  const wire = wireTo(started);
  const request = initializeRequest();
  wire.send(request);
  await wire.answer(request);
  started.endStdin();
  assert.deepEqual(await started.exit(), { code: 0, signal: null });
  assert.match(started.stderr, /^its own notify\nended [0-9a-f-]{36} deleted\n$/);
});

test('prints its usage and every setting with --help', async (t) => {
  const started = startEntry(t, CLI, { args: ['--help'] });
  assert.deepEqual(await started.exit(), { code: 0, signal: null });
  assert.match(started.stdout, /^Usage: hono-mcp-server MODULE/);
  assert.match(started.stdout, /^MCP_PUBLIC_URL /m);
  assert.match(started.stdout, /notify.*\n?.*onSessionEnd\(sessionId, reason\)/);
});

test('prints the version of the package with --version', async (t) => {
  const started = startEntry(t, CLI, { args: ['--version'] });
  assert.deepEqual(await started.exit(), { code: 0, signal: null });
  const { version } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.equal(started.stdout, `${version}\n`);
});

const NEEDED = /It must export a function createMcpServer, or a default function, that returns a new McpServer\.\n$/;
const MISTAKES: Record<string, { text?: string; args?: string[]; line: RegExp }> = {
  'no module': { args: [], line: /^Name the module to host, such as \.\/my-server\.js\. See --help\.\n$/ },
  'two modules': { args: ['a.js', 'b.js'], line: /^Name one module, not 2\. See --help\.\n$/ },
  'an unknown option': { args: ['--port', '3000'], line: /^Unknown option '--port'\. See --help\.\n$/ },
  'a value for a flag': { args: ['--stdio=yes'], line: /^[^\n]*--stdio[^\n]* See --help\.\n$/ },
  'a file that does not exist': { args: ['./no/such.js'], line: /^There is no file \.\/no\/such\.js\.\n$/ },
  'a file to watch that does not exist': { args: ['no.js', '--watch'], line: /^There is no file no\.js\.\n$/ },
  'both --stdio and --watch': {
    args: ['loader.mjs', '--stdio', '--watch'],
    line: /^--watch is for HTTP: over stdio, the client starts the server\. See --help\.\n$/,
  },
  'a folder': { args: ['./src'], line: /^\.\/src is not a file\.\n$/ },
  'a module without exports': { text: '', line: /^\S+server\.mjs exports nothing\. It must/ },
  'a module with other exports': { text: 'export const a = 1, b = 2;', line: /^\S+ exports a, b\. It must/ },
  'a server in place of a function': {
    text: 'export default {};',
    line: /^\S+ exports default, but not as a function\. It must/,
  },
  'a notify of its own': {
    text: `${SERVER}export default build; export const notify = () => {};`,
    line: /^\S+ exports notify, but not one that createNotifier\(\) of hono-mcp-server\/tools has made\.\n$/,
  },
  'an onSessionEnd that is no function': {
    text: `${SERVER}export default build; export const onSessionEnd = {};`,
    line: /^\S+ exports onSessionEnd, but not as a function\.\n$/,
  },
  'a module that throws': {
    text: 'throw new Error("no database\\nat all");',
    line: /^\S+ failed to load: no database \(LOG_LEVEL=debug prints the stack\)\n$/,
  },
  'a module that imports what is not installed': {
    text: 'import "no-such-package";',
    line: /^\S+ failed to load: Cannot find package 'no-such-package'[^\n]+\n$/,
  },
};
for (const [what, { text, args, line }] of Object.entries(MISTAKES)) {
  test(`ends with code 1 and one line that says what is wrong with ${what}`, async (t) => {
    const stderr = await refusalOf(t, args ?? [await moduleOf(t, text ?? '')]);
    assert.match(stderr, line);
    assert.equal(stderr.split('\n').length, 2);
    if (line.source.endsWith('It must')) assert.match(stderr, NEEDED);
  });
}

test('prints the stack of a module that throws at LOG_LEVEL=debug', async (t) => {
  const path = await moduleOf(t, 'throw new Error("no database");');
  assert.match(
    await refusalOf(t, [path], { LOG_LEVEL: 'debug' }),
    /failed to load: no database .*\n.*\n +at .*server\.mjs/,
  );
});

test('ends with code 1 and shows the line of a syntax error, also in a module that is imported', async (t) => {
  const path = await moduleOf(t, 'export const a = 1;\nconst b = {;');
  const shown = /server\.mjs:2\nconst b = \{;\n +\^\n+SyntaxError: Unexpected token ';'\n/;
  assert.match(await refusalOf(t, [path]), shown);
  assert.match(await refusalOf(t, [await moduleOf(t, `import ${JSON.stringify(pathToFileURL(path).href)};`)]), shown);
});

test('ends with code 1 and one line on a wrong setting', async (t) => {
  const path = await moduleOf(t, `${SERVER}export default build;`);
  assert.match(await refusalOf(t, [path], { PORT: 'http' }), /^PORT=http is not valid: [^\n]+\n$/);
  assert.match(
    await refusalOf(t, [path, '--stdio'], { MCP_SHORTCUTS: 'maybe' }),
    /^MCP_SHORTCUTS=maybe is not valid: [^\n]+\n$/,
  );
});

const FOREIGN = `
class McpServer { connect() {} }
export default () => new McpServer();`;

test('answers 500 to a server of another copy of the SDK, and logs how to mend it', async (t) => {
  const started = await startHttpEntry(t, { entry: CLI, args: [await moduleOf(t, FOREIGN)] });
  const body = JSON.stringify(initializeRequest());
  const response = await fetch(started.url, { method: 'POST', headers: JSON_HEADERS, body });
  assert.equal(response.status, 500);
  await started.stderrMatch(/"level":"error".*another copy of the SDK\. Install @modelcontextprotocol\/server once/);
});

test('says over stdio, too, that a server is of another copy of the SDK', async (t) => {
  const started = startEntry(t, CLI, { args: [await moduleOf(t, FOREIGN), '--stdio'] });
  const wire = wireTo(started);
  const request = initializeRequest();
  wire.send(request);
  assert.equal((await wire.answer(request))?.error?.code, -32603);
  await started.stderrMatch(/another copy of the SDK\. Install @modelcontextprotocol\/server once/);
});
