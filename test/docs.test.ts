import assert from 'node:assert/strict';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { App } from '../src/app.ts';
import { loadConfig, settingsTable, unknownSettings } from '../src/config/config.ts';
import type { CreateServer } from '../src/tools.ts';
import {
  initializeRequest,
  modernRequest,
  openSession,
  readStream,
  testApp,
  type RequestOptions,
} from './support/app.ts';
import { namesIn, testMetrics } from './support/metrics.ts';
import { isDeleted } from './support/optional.ts';
import { startCommand } from './support/process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(root, 'README.md'), 'utf8');
const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
const guide = await readFile(join(root, 'docs/your-own-server.md'), 'utf8');
/** What else has links. */
const others = ['README.md', 'CONTRIBUTING.md', 'examples/README.md'];
const linking = [...others, ...docs].filter((name) => !isDeleted(name));

test('docs/settings.md lists every setting with its default and meaning', async () => {
  const text = await readFile(join(root, 'docs/settings.md'), 'utf8');
  const rows = settingsTable().map(({ variable, fallback, meaning }) => {
    return `| \`${variable}\` | ${fallback && `\`${fallback}\``} | ${meaning} |`;
  });
  const listed = /<!-- settings.*?-->(.*?)<!-- \/settings -->/s.exec(text)?.[1] ?? '';
  const squeezed = (line: string) => line.replaceAll(/ +/g, ' ');
  assert.deepEqual(
    listed
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map(squeezed),
    rows.map(squeezed),
  );
});

test('the files that the docs name exist', async () => {
  for (const name of linking) {
    const text = await readFile(join(root, name), 'utf8');
    const links = Array.from(text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g), ([, to = '']) =>
      join(dirname(name), to),
    );
    const paths = Array.from(
      text.matchAll(/`((?:src|test|bench|docs|deploy|dev|examples|\.ci)\/[\w./-]*)`/g),
      ([, path = '']) => path,
    );
    const named = [...links, ...paths];
    assert.ok(named.length > 0, `${name} names files`);
    for (const path of named) if (!isDeleted(path)) await access(join(root, path));
  }
});

test('links to a section lead to a heading', async () => {
  for (const name of linking) {
    const text = await readFile(join(root, name), 'utf8');
    for (const [, to = '', section = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)) {
      const path = to === '' ? name : join(dirname(name), to);
      if (isDeleted(path)) continue;
      const headings = (await readFile(join(root, path), 'utf8')).matchAll(/^#+ (.+)$/gm);
      const sections = Array.from(headings, ([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w\s-]/g, '')
          .replaceAll(' ', '-'),
      );
      assert.ok(sections.includes(section), `${name} links to ${path}#${section}`);
    }
  }
});

test('docs/security.md names an existing test for each threat', async () => {
  const text = await readFile(join(root, 'docs/security.md'), 'utf8');
  const table = /<!-- threats.*?-->(.*?)<!-- \/threats -->/s.exec(text)?.[1] ?? '';
  const rows = table.split('\n').filter((line) => /^\| (?!threat |-)/.test(line));
  assert.ok(rows.length > 20);
  for (const row of rows) {
    const [, path = '', title = ''] = /\| `(test\/[\w./-]+)` "(.+)"/.exec(row) ?? [];
    assert.ok(isDeleted(path) || (await hasTest(path, title)), `${path} has "${title}"`);
  }
});

const TUTORIAL = 'docs/tutorial.md';
const noTutorial = isDeleted(TUTORIAL) && `${TUTORIAL} is deleted`;

test('docs/tutorial.md names an existing test for each step', { skip: noTutorial }, async () => {
  const text = await readFile(join(root, TUTORIAL), 'utf8');
  const [, ...steps] = text.split(/^(?=## )/m).filter((part) => !/^## \D/.test(part));
  assert.ok(steps.length >= 15);
  for (const step of steps) {
    const proof = /^\*\*Proof\.\*\* (.+)$/m.exec(step)?.[1] ?? '';
    const named = Array.from(proof.matchAll(/`([^`]+)` "([^"]+)"/g));
    assert.ok(named.length > 0, `There is a test for ${step.split('\n')[0]}`);
    for (const [, path = '', title = ''] of named) {
      assert.ok(isDeleted(path) || (await hasTest(path, title)), `${path} has "${title}"`);
    }
  }
});

test('docs/faq.md names for each entry who asked, and an existing test for the answer', async () => {
  const [, ...entries] = (await readFile(join(root, 'docs/faq.md'), 'utf8')).split(/^### /m);
  assert.ok(entries.length >= 25);
  for (const entry of entries) {
    const [heading = ''] = entry.split('\n');
    const [, askers = '', trials = ''] = /^Asked in (.+)\. Tried by (.+)\.$/m.exec(entry) ?? [];
    assert.match(
      askers,
      /^(?:\[[^\]]+\]\(https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/(?:issues|pull)\/\d+\)(?:, |$))+$/,
      heading,
    );
    const named = Array.from(trials.matchAll(/`([^`]+)` "([^"]+)"/g));
    assert.ok(named.length > 0, heading);
    for (const [, path = '', title = ''] of named) {
      assert.ok(isDeleted(path) || (await hasTest(path, title)), `${path} has "${title}"`);
    }
  }
});

test('the settings that the docs show are valid', async () => {
  const text = readme + (await Promise.all(docs.map((name) => readFile(join(root, name), 'utf8')))).join('');
  const blocks = Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) => block);
  const shown = blocks.filter((block) => /\bMCP_\w+=/.test(block));
  assert.ok(shown.length >= 6);
  let secrets = 0;
  for (const block of shown) {
    const written = block.replaceAll(/\$\(openssl rand -hex 32\)|\$\w*TOKEN/g, () =>
      String(++secrets).padStart(64, '0'),
    );
    const pairs = written.matchAll(/\b(MCP_\w+)=(?:"([^"]*)"|(\S+))/g);
    const env = Object.fromEntries(Array.from(pairs, ([, name = '', quoted, bare]) => [name, quoted ?? bare]));
    assert.doesNotThrow(() => loadConfig(env), block);
    assert.deepEqual(unknownSettings(env), [], block);
  }
});

// An interactive zsh, the shell of macOS, takes a comment for more arguments.
test('commands in the docs have no comment behind them', async () => {
  const pages = ['README.md', ...docs, 'examples/README.md'].filter((name) => !isDeleted(name));
  for (const name of pages) {
    const text = await readFile(join(root, name), 'utf8');
    const blocks = Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) => block);
    for (const block of blocks) assert.doesNotMatch(block, /\S\s+# /, name);
  }
});

/** The names of all metrics that a scrape has. */
async function metricNames(): Promise<string[]> {
  const metrics = testMetrics();
  testApp({}, { metrics });
  return namesIn(await metrics.text());
}

test('docs/operating.md lists every metric that a scrape has, and no other', async () => {
  const text = await readFile(join(root, 'docs/operating.md'), 'utf8');
  const table = /<!-- metrics.*?-->(.*?)<!-- \/metrics -->/s.exec(text)?.[1] ?? '';
  const listed = Array.from(table.matchAll(/`((?:mcp_server|process|nodejs)_\w+)`/g), ([, name]) => name);
  assert.ok(listed.length > 30);
  assert.equal(new Set(listed).size, listed.length);
  assert.deepEqual(new Set(listed), new Set(await metricNames()));
});

test('the metrics that docs/operating.md, the dashboard and the alerts ask for are in a scrape', async () => {
  const suffixes = ['', '_bucket', '_count', '_sum'];
  const names = new Set((await metricNames()).flatMap((name) => suffixes.map((suffix) => `${name}${suffix}`)));
  for (const file of ['docs/operating.md', 'deploy/grafana.json', 'deploy/alerts.yaml']) {
    if (isDeleted(file)) continue;
    const asked = (await readFile(join(root, file), 'utf8')).match(/\b(?:mcp_server|process|nodejs)_[a-z0-9_]+/g) ?? [];
    assert.ok(asked.length > 10);
    for (const name of asked) assert.ok(names.has(name), `${file} asks for ${name}`);
  }
});

/** Whether the file has a test of that title. If the title is made from parts, they must be in the file, too. */
async function hasTest(path: string, title: string): Promise<boolean> {
  const source = await readFile(join(root, path), 'utf8');
  const titles = Array.from(source.matchAll(/\btest\(\s*(['"`])(.*?)\1,/g), (match) => match[2] ?? '');
  return titles.some((written) => {
    const pattern = written
      .split(/\$\{[^}]*\}/)
      .map((part) => part.replaceAll(/[.*+?^$()[\]{}|\\]/g, String.raw`\$&`))
      .join('(.+)');
    const parts = new RegExp(`^${pattern}$`).exec(title)?.slice(1);
    return parts?.every((part) => source.includes(part)) === true;
  });
}

/** Imports a program. */
async function importProgram(t: TestContext, code: string): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(root, 'test', 'snippet-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'program.ts'), code);
  return (await import(join(folder, 'program.ts'))) as Record<string, unknown>;
}

test("the README's own server can stand in the place of src/mcp-server.ts", async (t) => {
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const replaced = (await importProgram(t, code)) as { createMcpServer: CreateServer };
  const session = await openSession(testApp({}, { createServer: replaced.createMcpServer }));
  const { result } = await session.call('count-words', { text: 'one two  three' });
  assert.equal(result?.content?.[0]?.text, '3');
});

/** A block of TypeScript in the guide, and the file that was linked last before it. */
interface Snippet {
  code: string;
  linked: string;
}

const snippets: Snippet[] = Array.from(guide.matchAll(/^```ts\n(.*?)^```$/gms), ({ 1: code = '', index }) => {
  const [, linked = ''] = Array.from(guide.slice(0, index).matchAll(/\]\(\.\.\/([\w./-]+\.ts)\)/g)).at(-1) ?? [];
  return { code, linked };
});
/** A snippet with imports is a program, and the others are out of the examples. */
const isProgram = ({ code }: Snippet) => code.startsWith('import ');

test('the excerpts in docs/your-own-server.md are in the file that is linked before them', async () => {
  const excerpts = snippets.filter((snippet) => !isProgram(snippet));
  assert.ok(excerpts.length >= 9);
  const unindented = (text: string) => text.replaceAll(/^ +/gm, '').trim();
  for (const { code, linked } of excerpts) {
    if (isDeleted(linked)) continue;
    const source = await readFile(join(root, linked), 'utf8');
    assert.ok(unindented(source).includes(unindented(code)), `${linked} has ${code}`);
  }
});

const NOTES = 'examples/notes.ts';
const skip = isDeleted(NOTES) && `${NOTES} is deleted`;

/** Runs the only program in the guide that has `part`, with the notes server for `./my-server.js`. */
async function runProgram(t: TestContext, part: string): Promise<Record<string, unknown>> {
  const [program, ...more] = snippets.filter((snippet) => isProgram(snippet) && snippet.code.includes(part));
  assert.ok(program && more.length === 0);
  const code = program.code
    .replaceAll("'hono-mcp-server/tools'", "'../../src/tools.ts'")
    .replaceAll("'hono-mcp-server/testing'", "'../../src/testing/connect-client.ts'")
    .replaceAll("'hono-mcp-server'", "'../../src/app.ts'")
    .replaceAll("'./my-server.js'", `'../../${NOTES}'`);
  return importProgram(t, code);
}

test('the webhook in docs/your-own-server.md tells clients that listen', { skip }, async (t) => {
  const { app } = (await runProgram(t, 'app.post(')) as { app: Pick<App, 'fetch'> };
  const send = async (method: string, path: string, { headers = {}, body }: RequestOptions = {}) => {
    const init = {
      method,
      headers: { host: 'localhost', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    return app.fetch(new Request(`http://localhost${path}`, init));
  };
  const listen = { notifications: { resourceSubscriptions: ['prices://ACME'] } };
  const stream = readStream(await send('POST', '/mcp', modernRequest('subscriptions/listen', listen)));
  await stream.next();
  assert.equal((await send('POST', '/hooks/prices/ACME')).status, 204);
  assert.equal((await stream.next()).message?.['method'], 'notifications/resources/updated');
  await stream.cancel();
});

test('the test with connectClient in docs/your-own-server.md passes', { skip }, async (t) => {
  await runProgram(t, 'connectClient');
});

test('.vscode/mcp.json starts the one server, and names the URL of the other', async (t) => {
  const { servers } = JSON.parse(await readFile(join(root, '.vscode/mcp.json'), 'utf8')) as {
    servers: Record<string, { type: string; url?: string; command: string; args: string[]; cwd: string }>;
  };
  const { 'hono-mcp-server': http, 'hono-mcp-server-stdio': stdio } = servers;
  assert.deepEqual(http, { type: 'http', url: `http://localhost:${loadConfig({}).port}/mcp` });

  assert.ok(stdio);
  assert.equal(stdio.cwd, ['$', '{workspaceFolder}'].join(''));
  const server = startCommand(t, stdio.command, { args: stdio.args });
  server.writeLine(JSON.stringify(initializeRequest()));
  await server.stdoutMatch(/"serverInfo":\{"name":"/);
});
