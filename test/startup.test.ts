/** What the entries load, and what they keep for the next start. */
import assert from 'node:assert/strict';
import module from 'node:module';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { PROJECT_ROOT, startCommand } from './support/process.ts';

const LISTING = './test/fixtures/list-modules.mjs';
/** The packages and files that a setting asks for. */
const OPTIONAL = ['jose', 'ioredis', 'pino-pretty', 'prom-client', '@opentelemetry/api'];
const OPTIONAL_FILES = /\/src\/(?:redis|lua|sqlite|auth\/(?:jwt-verifier|issuer-keys|introspection)\.ts)/;

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'startup-'));
  // The process that writes there is killed after this.
  t.after(() => rm(folder, { recursive: true, maxRetries: 20 }));
  return folder;
}

/** The modules that an entry has loaded when `last` is among them, in that order, without those of Node.js. */
async function modulesUntil(
  t: TestContext,
  last: string,
  [entry, ...args]: readonly string[],
  env: Record<string, string> = {},
): Promise<string[]> {
  const file = join(await temporaryFolder(t), 'modules');
  await writeFile(file, '');
  const command = ['--import', './loader.mjs', '--import', LISTING, `${entry}`, ...args];
  const started = startCommand(t, process.execPath, { args: command, env: { PORT: '0', MODULES_FILE: file, ...env } });
  if (entry === 'src/http-server.ts') await started.stderrMatch(/listening on/);
  for (;;) {
    const text = await readFile(file, 'utf8');
    if (text.includes(last)) return text.split('\n').filter((url) => url.startsWith('file:'));
    await setImmediate();
  }
}

/** The modules that `src/http-server.ts` has loaded when it listens, and `last` is among them. */
const loadedModules = (t: TestContext, env: Record<string, string> = {}, last = '') =>
  modulesUntil(t, last, ['src/http-server.ts'], env);

/** Whether a module of the package is among them. */
const isLoaded = (modules: string[], name: string) => modules.some((url) => url.includes(`/node_modules/${name}/`));

test('src/http-server.ts loads nothing that no setting asks for', async (t) => {
  const modules = await loadedModules(t);
  for (const name of ['hono', '@modelcontextprotocol/server', 'pino']) assert.ok(isLoaded(modules, name), name);
  assert.deepEqual(
    OPTIONAL.filter((name) => isLoaded(modules, name)),
    [],
  );
  assert.deepEqual(
    modules.filter((url) => OPTIONAL_FILES.test(url)),
    [],
  );
});

test('src/http-server.ts loads jose for an issuer before the first token, and pino-pretty for readable lines', async (t) => {
  const issuer = { MCP_OAUTH_ISSUER: 'https://issuer.example', MCP_PUBLIC_URL: 'https://mcp.example/mcp' };
  const modules = await loadedModules(t, { ...issuer, LOG_FORMAT: 'pretty' }, '/jose/');
  for (const name of ['jose', 'pino-pretty']) assert.ok(isLoaded(modules, name), name);
  assert.ok(modules.some((url) => url.includes('/src/auth/jwt-verifier.ts')));
  assert.ok(!modules.some((url) => url.includes('/src/auth/introspection.ts')));
});

for (const entry of [
  ['src/http-server.ts'],
  ['src/stdio-server.ts'],
  ['src/node/cli.ts', 'src/mcp-server.ts'],
  ['src/node/cli.ts', '--stdio', 'src/mcp-server.ts'],
]) {
  test(`${entry.join(' ')} has Zod compile the schemas of the SDK`, async (t) => {
    const modules = await modulesUntil(t, '/node_modules/@modelcontextprotocol/server/', entry);
    const compiling = modules.findIndex((url) => url.includes('/node_modules/zod/compile'));
    const sdk = modules.findIndex((url) => url.includes('/node_modules/@modelcontextprotocol/'));
    assert.ok(compiling !== -1 && compiling < sdk, modules.join('\n'));
  });
}

const isMeasured = process.env['NODE_V8_COVERAGE'] !== undefined;
const skip = isMeasured ? 'would spoil the coverage' : !('enableCompileCache' in module) && 'needs Node.js 22.8';
/** Says at the end where what was compiled is kept. */
const TELLING = `import module from 'node:module';
process.on('exit', () => console.error('kept in ' + module.getCompileCacheDir()));`;

for (const [entry, ...args] of [
  ['src/http-server.ts'],
  ['src/stdio-server.ts'],
  ['src/node/cli.ts', '--help'],
] as const) {
  test(`${entry} keeps what it has compiled for the next start, in a folder of its own`, { skip }, async (t) => {
    const telling = `data:text/javascript,${encodeURIComponent(TELLING)}`;
    const imports = ['--import', './loader.mjs', '--import', telling];
    const started = startCommand(t, process.execPath, { args: [...imports, entry, ...args], env: { PORT: '0' } });
    if (entry === 'src/http-server.ts') {
      await started.stderrMatch(/Inspector/);
      started.signal('SIGTERM');
    }
    started.endStdin();
    const [, folder = ''] = await started.stderrMatch(/^kept in (.*)$/m);
    await started.exit();
    assert.ok(folder.startsWith(join(PROJECT_ROOT, 'node_modules/.cache/compile')), folder);
    assert.ok((await readdir(folder)).length > 50);
  });
}
