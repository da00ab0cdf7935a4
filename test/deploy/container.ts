/**
 * Does what `deploy/Dockerfile` says, and what an operator does with the image. There is no container engine here: see
 * `image.ts`. Not part of `npm test`: only root may do it, and it installs the packages anew.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { connectHttp, type ToolResult } from '../support/clients.ts';
import { openSession, sessionOf } from '../support/app.ts';
import { freePort } from '../support/ports.ts';
import { PROJECT_ROOT } from '../support/process.ts';
import { remoteApp } from '../support/remote.ts';
import { watchText } from '../support/watch.ts';
import { allowedPaths, parseDockerfile } from './dockerfile.ts';
import { buildImage, execIn, firstProcess, startContainer } from './image.ts';

const read = (name: string) => readFileSync(join(PROJECT_ROOT, name), 'utf8');
const TOKEN = 'a'.repeat(64);
const MANY_TITLES = Array.from({ length: 1000 }, (_, index) => `${'Überschrift '.repeat(20)}${index}`);

assert.equal(process.getuid?.(), 0, 'only root may make namespaces and mount file systems');
// In memory, because an overlay cannot have its two layers on the same file system.
const folder = mkdtempSync('/dev/shm/image-');
after(() => rmSync(folder, { recursive: true }));

const stages = parseDockerfile(read('deploy/Dockerfile'));
const [, version = ''] = /^node:([\d.]+)-/.exec(stages[0]?.base ?? '') ?? [];
const allowed = allowedPaths(read('.dockerignore'));
const { NODE_OPTIONS: _, ...inherited } = process.env;
const image = buildImage(stages, {
  folder,
  context: PROJECT_ROOT,
  isInContext: (path) => allowed.includes(path),
  node: execFileSync('npx', ['--yes', '--package', `node@${version}`, '--', 'node', '-p', 'process.execPath'], {
    encoding: 'utf8',
  }).trim(),
  env: Object.fromEntries(Object.entries(inherited).map(([name, value = '']) => [name, value])),
});

/** A running container, as `docker run --publish 127.0.0.1:PORT:PORT` would start it. */
async function runContainer(t: TestContext, env: Record<string, string>, volume?: { from: string; to: string }) {
  const port = await freePort();
  const variables = { PORT: String(port), MCP_AUTH_TOKENS: `alice:${TOKEN}`, ...env };
  const unshare = startContainer(image, { env: variables, volume });
  const ended = once(unshare, 'close') as Promise<[code: number | null]>;
  const stderr = watchText(unshare.stderr);
  await Promise.race([stderr.match(/listening on/), ended.then(() => assert.fail(stderr.text))]);
  const pid = firstProcess(unshare.pid ?? 0);
  // Not `unshare`, which its child outlives after it has changed its user. If it has ended by now, so has its namespace.
  t.after(() => unshare.exitCode ?? process.kill(pid, 'SIGKILL'));
  return {
    port,
    pid,
    stderr,
    url: `http://127.0.0.1:${port}/mcp`,
    exec: (command: string[]) => execIn(pid, image, variables, command),
    stop: () => process.kill(pid, 'SIGTERM'),
    exitCode: async () => (await ended)[0],
  };
}

const authorization = `Bearer ${TOKEN}`;
const withToken: typeof fetch = (url, init) => {
  const headers = new Headers(init?.headers);
  headers.set('authorization', authorization);
  return fetch(url, { ...init, headers });
};

test('the image has the production packages, optional ones too, and no others', () => {
  const manifest = JSON.parse(read('package.json')) as { [kind: string]: Record<string, unknown> };
  const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const { devDependencies = {} } = manifest;
  const has = (name: string) => existsSync(join(image.folder, 'upper/app/node_modules', name));
  // All peers that have an entry there are optional, and for tests.
  const peers = Object.keys(peerDependencies).filter((name) => !(name in peerDependenciesMeta));
  const needed = [dependencies ?? {}, optionalDependencies ?? {}].flatMap(Object.keys).concat(peers);
  assert.deepEqual(
    needed.filter((name) => !has(name)),
    [],
  );
  assert.deepEqual(
    Object.keys(devDependencies).filter((name) => !needed.includes(name) && has(name)),
    [],
  );
  assert.ok(image.labels['org.opencontainers.image.title']);
});

test('the server is process 1 without root or capabilities, and can write nothing', async (t) => {
  const server = await runContainer(t, {});
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  assert.match(status, /^NSpid:.*\t1$/m);
  assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(status, /^Cap(Prm|Eff|Bnd):\t0+$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
  for (const path of ['/app/x', '/tmp/x', '/data/x']) {
    const { status: code, stderr } = server.exec(['touch', path]);
    assert.equal(code, 1);
    assert.match(stderr, /Read-only file system/);
  }
});

test('the server starts with what was compiled while the image was built', async (t) => {
  const { stderr } = await runContainer(t, { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
  for (const path of ['dist/app.js', 'node_modules/hono/dist/hono.js']) {
    assert.match(stderr.text, new RegExp(`cache for \\S+ file:///app/${path} was accepted`));
  }
});

test('the image does not start without authorization, and says what to set', async () => {
  const refused = startContainer(image, { env: {} });
  const stderr = watchText(refused.stderr);
  assert.deepEqual((await once(refused, 'close'))[0], 1);
  assert.match(stderr.text, /^HOST=0\.0\.0\.0 listens beyond loopback .*Set MCP_AUTH_TOKENS/);
});

test('the health check of the image passes while the server serves, on its port', async (t) => {
  const server = await runContainer(t, {});
  const healthy = server.exec(image.healthcheck);
  assert.equal(healthy.status, 0, healthy.stdout + healthy.stderr);
  const other = execIn(server.pid, image, { PORT: String(await freePort()) }, image.healthcheck);
  assert.equal(other.status, 1);
});

test('SIGTERM during a call drains: the client gets the result, and process 1 ends with code 0', async (t) => {
  const server = await runContainer(t, { MCP_AUTH_TOKENS: `alice:${TOKEN}:slugs:batch` });
  const client = await connectHttp(t, 'v2 pinned', server.url, { fetch: withToken });
  const { structuredContent } = await client.call('slugify', { text: 'Hello World' });
  assert.deepEqual(structuredContent, { slug: 'hello-world' });

  let isAnswered = false;
  let call = Promise.resolve<ToolResult>({ content: [] });
  await new Promise<void>((onprogress) => {
    call = client.call('slugify-batch', { titles: MANY_TITLES }, { onprogress: () => onprogress() });
    void call.then(() => (isAnswered = true));
  });
  server.stop();
  await server.stderr.match(/stopping/);
  assert.equal(isAnswered, false, 'the call is still running');
  const { slugs } = (await call).structuredContent as { slugs: string[] };
  assert.equal(slugs.length, MANY_TITLES.length);
  assert.equal(await server.exitCode(), 0);
  assert.match(server.stderr.text, /"callsCut":0\b/);
});

test('a session on a volume outlives the container, which writes nowhere else', async (t) => {
  const volume = { from: join(folder, 'volume'), to: '/data' };
  // An engine makes a new volume as the directory is in the image.
  const { uid, gid, mode } = statSync(join(image.folder, 'upper/data'));
  assert.deepEqual([uid, gid, mode & 0o777], [1000, 1000, 0o700]);
  mkdirSync(volume.from, { mode });
  chownSync(volume.from, uid, gid);

  const first = await runContainer(t, { MCP_DATA_DIR: volume.to }, volume);
  const session = await openSession(remoteApp(first.url), { authorization });
  first.stop();
  assert.equal(await first.exitCode(), 0);
  const second = await runContainer(t, { MCP_DATA_DIR: volume.to }, volume);
  const { result } = await sessionOf(remoteApp(second.url), session.id, { authorization }).call('slugify', {
    text: 'A b',
  });
  assert.deepEqual(result?.structuredContent, { slug: 'a-b' });
});
