/** What the files for each place must agree on, with the server and with each other. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, settingsTable } from '../../src/config/config.ts';
import { LAST_ANSWERS_MS } from '../../src/lib/lifecycle.ts';
import { FLUSH_MS } from '../../src/node/listen.ts';
import { ENGINES_MS, LAST_SPANS_MS } from '../../src/node/shutdown.ts';
import { refusalOf } from '../support/config.ts';
import { PROJECT_ROOT } from '../support/process.ts';
import { allowedPaths, parseDockerfile } from './dockerfile.ts';

const read = (name: string) => readFile(join(PROJECT_ROOT, name), 'utf8');
const FILES = [...(await readdir(join(PROJECT_ROOT, 'deploy'))).map((name) => `deploy/${name}`), 'render.yaml'];
const SETTINGS = new Set(settingsTable().map(({ variable }) => variable));
const TOKENS = { MCP_AUTH_TOKENS: `alice:${'a'.repeat(64)}` };

/** The instructions of the image that is kept. */
const image = parseDockerfile(await read('deploy/Dockerfile')).at(-1)?.instructions ?? [];
/** What the server is started with: `HOST`, among others. */
const imageEnv = Object.assign({}, ...image.map((one) => (one.kind === 'env' ? one.values : {}))) as Record<
  string,
  string
>;

/** The number that a pattern finds in a file. */
async function numberIn(name: string, pattern: RegExp): Promise<number> {
  const [, digits] = pattern.exec(await read(name)) ?? [];
  assert.ok(digits !== undefined, `${name} has ${pattern}`);
  return Number(digits);
}

for (const name of FILES) {
  test(`the settings that ${name} names exist`, async () => {
    for (const [variable] of (await read(name)).matchAll(/\b(?:MCP_(?!PORT\b)[A-Z_]+|LOG_[A-Z]+|REDIS_URL)\b/g)) {
      assert.ok(SETTINGS.has(variable), variable);
    }
  });

  test(`the files that ${name} names exist`, async () => {
    for (const [path] of (await read(name)).matchAll(/(?<![\w/])(?:docs|deploy|test|dist)\/[\w./-]*\w/g)) {
      const source = path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');
      assert.ok(existsSync(join(PROJECT_ROOT, source)), path);
    }
  });
}

/** How long a stop takes at most beyond `MCP_DRAIN_SECONDS`. */
const AFTER_DRAIN_SECONDS = (LAST_ANSWERS_MS + Math.max(FLUSH_MS, LAST_SPANS_MS) + ENGINES_MS) / 1000;
const STOP_SECONDS = loadConfig({}).drainSeconds + AFTER_DRAIN_SECONDS;

for (const [name, pattern] of [
  ['docs/deploying.md', /`MCP_DRAIN_SECONDS` \(25\) and ([\d.]+) seconds/],
  ['deploy/compose.yaml', /MCP_DRAIN_SECONDS \(25\) and the ([\d.]+) seconds/],
  ['deploy/fly.toml', /MCP_DRAIN_SECONDS \(25\) and the ([\d.]+) seconds/],
  ['deploy/hono-mcp-server.service', /MCP_DRAIN_SECONDS \(25\) and the ([\d.]+) seconds/],
  ['deploy/kubernetes.yaml', /MCP_DRAIN_SECONDS \(25\) and the ([\d.]+) seconds/],
] as const) {
  test(`${name} says how long a stop takes`, async () => {
    assert.equal(await numberIn(name, pattern), AFTER_DRAIN_SECONDS);
  });
}

for (const [name, pattern] of [
  ['deploy/compose.yaml', /stop_grace_period: (\d+)s/],
  ['deploy/fly.toml', /^kill_timeout = (\d+)$/m],
  ['deploy/hono-mcp-server.service', /^TimeoutStopSec=(\d+)$/m],
  ['docs/deploying.md', /--stop-timeout (\d+)/],
] as const) {
  test(`${name} gives the server longer to stop than it takes`, async () => {
    assert.ok((await numberIn(name, pattern)) > STOP_SECONDS);
  });
}

test('deploy/kubernetes.yaml gives a pod longer to stop than the sleep before SIGTERM and the drain together', async () => {
  const grace = await numberIn('deploy/kubernetes.yaml', /terminationGracePeriodSeconds: (\d+)/);
  const sleep = await numberIn('deploy/kubernetes.yaml', /preStop: \{ sleep: \{ seconds: (\d+) \} \}/);
  assert.ok(grace > sleep + STOP_SECONDS, `${grace} > ${sleep} + ${STOP_SECONDS}`);
});

test('render.yaml leaves Render its 30 seconds, which are longer than a stop takes', async () => {
  assert.doesNotMatch(await read('render.yaml'), /maxShutdownDelaySeconds/);
  assert.ok(STOP_SECONDS < 30);
});

test('render.yaml has a key made that the server takes: 32 bytes in base64', () => {
  const key = randomBytes(32).toString('base64');
  assert.equal(loadConfig({ MCP_STATE_KEY: key }).stateKeys.length, 1);
});

test('the image starts its program without a shell, as a user who is a number other than 0', () => {
  const users = image.flatMap((one) => (one.kind === 'user' ? [one.value] : []));
  assert.equal(users.length, 1);
  assert.match(users[0] ?? '', /^[1-9]\d*:[1-9]\d*$/);
  const commands = image.flatMap((one) => (one.kind === 'cmd' ? [one.command] : []));
  assert.deepEqual(commands, [['node', 'dist/http-server.js']]);
});

test('the image refuses to start without authorization, and starts with it', () => {
  assert.match(refusalOf(imageEnv), /^HOST=0\.0\.0\.0 listens beyond loopback without authorization/);
  assert.equal(loadConfig({ ...imageEnv, ...TOKENS }).port, 3000);
});

test('the context of the image is what its first stage copies, and no more', async () => {
  const [build] = parseDockerfile(await read('deploy/Dockerfile'));
  const copied = build?.instructions.flatMap((one) => (one.kind === 'copy' ? one.sources : [])) ?? [];
  assert.deepEqual(allowedPaths(await read('.dockerignore')).toSorted(), copied.toSorted());
});

test('the image and Render have the same Node.js, pinned, which can keep sessions in a file', async () => {
  const bases = new Set(parseDockerfile(await read('deploy/Dockerfile')).map(({ base }) => base));
  assert.equal(bases.size, 1);
  const [, version = '', major = '', minor = ''] = /^node:((\d+)\.(\d+)\.\d+)-/.exec([...bases].join('')) ?? [];
  assert.ok(Number(major) > 22 || (Number(major) === 22 && Number(minor) >= 13), version);
  assert.match(await read('render.yaml'), new RegExp(`key: NODE_VERSION\n +value: ${version}\n`));
});

for (const [form, text] of [
  ['an instruction', 'FROM node\nADD a b'],
  ['a command for a shell', 'FROM node\nCMD node server.js'],
  ['an argument without a value', 'FROM ${BASE}'],
] as const) {
  test(`a Dockerfile with ${form} that the tests do not know is an error`, () => {
    assert.throws(() => parseDockerfile(text));
  });
}
