import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { asBefore, CONTENDERS, contenderOf, isMain, pickContenders } from '../contenders.ts';
import { build } from '../prepare.ts';

import { createMcpServer } from '../../src/mcp-server.ts';
import { answerOf, modernRequest, testApp } from '../../test/support/app.ts';
import { PROJECT_ROOT } from '../../test/support/process.ts';

interface Tool {
  call: (args: Record<string, unknown>, report?: () => Promise<void>) => unknown;
}
// The tools use the compiled slugs.
await build();
const tools = (await import(new URL('../contenders/tools.mjs', import.meta.url).href)) as {
  slugify: Tool;
  slugifyBatch: Tool;
};
const DEFAULTS = { separator: '-', lowercase: true, characters: 'auto' };

test('the tools of the contenders give the results of this project', async () => {
  const app = testApp({}, { createServer: createMcpServer });
  const call = async (name: string, args: Record<string, unknown>) => {
    const { headers, body } = modernRequest('tools/call', { name, arguments: args });
    const { result } = await answerOf(await app.request('POST', { headers, body }));
    return { content: result?.content, structuredContent: result?.structuredContent };
  };
  for (const [text, more] of [
    ['Hello, World! Crème brûlée for beginners', {}],
    ['Ελλάδα & Україна, don’t stop', {}],
    ['日本語のタイトル 2026', { characters: 'unicode' }],
    ['One two three four', { maxLength: 9, separator: '_', lowercase: false }],
  ] as const) {
    assert.deepEqual(tools.slugify.call({ ...DEFAULTS, text, ...more }), await call('slugify', { text, ...more }));
  }
  const titles = ['Chapter 1', 'Chapter 2', 'Chapter 1'];
  const report = () => Promise.resolve();
  assert.deepEqual(
    await tools.slugifyBatch.call({ ...DEFAULTS, titles }, report),
    await call('slugify-batch', { titles }),
  );
});

test('every contender has a name of its own, and a file, unless it is built', async () => {
  assert.equal(new Set(CONTENDERS.map(({ id }) => id)).size, CONTENDERS.length);
  for (const { entry } of CONTENDERS) if (!entry.includes('dist/')) await access(join(PROJECT_ROOT, entry));
});

test('versions are pinned exactly, and those that this project shares are the same', async () => {
  const read = async (path: string) =>
    (JSON.parse(await readFile(join(PROJECT_ROOT, path), 'utf8')) as { dependencies: Record<string, string> })
      .dependencies;
  const theirs = await read('bench/contenders/package.json');
  const lockfile = await readFile(join(PROJECT_ROOT, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lockfile) as { packages: Record<string, { version: string }> };
  for (const [name, version] of Object.entries(theirs)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
    const own = packages[`node_modules/${name}`]?.version;
    if (own !== undefined) assert.equal(version, own, name);
  }
});

test('a word picks a contender, or all that begin with it', () => {
  const ids = (...words: string[]) => pickContenders(words).map(({ id }) => id);
  assert.deepEqual(ids('hono', 'tmcp'), ['tmcp-session', 'tmcp-modern', 'hono']);
  assert.deepEqual(ids('fastmcp-session'), ['fastmcp-session']);
  assert.equal(ids().length, CONTENDERS.length);
  assert.throws(() => ids('nobody'), /No contender is called nobody/);
});

test('another build is the same contender in another folder', () => {
  const ours = contenderOf('ours-stateless');
  const before = asBefore(ours, '/checkout');
  assert.deepEqual([before.id, before.root], ['before-stateless', '/checkout']);
  assert.deepEqual([before.entry, before.era, before.env, before.ours], [ours.entry, ours.era, ours.env, ours.ours]);
});

test('this project and its fastest peers are measured in every round of every table', () => {
  const main = new Set(CONTENDERS.filter(isMain).map(({ id }) => id));
  for (const id of ['ours-modern', 'tmcp-session', 'sdk2-hono-stateless']) assert.ok(main.has(id), id);
  for (const id of ['fastmcp-session', 'sdk2-express-modern', 'hono']) assert.ok(!main.has(id), id);
});
