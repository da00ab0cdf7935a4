import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../support/process.ts';
import { diffOf, withDiffs } from './diffs.ts';

const read = (file: string) => readFile(join(PROJECT_ROOT, file), 'utf8');

test('shows what changes, a line of what stays around it, and no change of indentation', () => {
  const before = ['a', 'b', 'c', 'd = 1;', 'e', 'f', 'g'];
  const after = ['a', 'b', '  c', 'd = 2;', '  e', 'f', 'g', 'h'];
  assert.deepEqual(diffOf(before, after), ['   c', '-d = 1;', '+d = 2;', '   e', '@@', ' g', '+h']);
});

test('shows a bracket between two changes with each of them', () => {
  const before = ['if (a) {', '  b();', '}', 'c();'];
  const after = ['while (a) {', '  d();', '  }', 'e();'];
  assert.deepEqual(diffOf(before, after), [...before.map((line) => `-${line}`), ...after.map((line) => `+${line}`)]);
});

test('docs/migrating.md shows how the servers differ (test/migrating/write-diffs.ts writes it)', async () => {
  const text = await read('docs/migrating.md');
  assert.equal(text.match(/^```diff$/gm)?.length, 6);
  assert.equal(await withDiffs(text), text);
});

test('docs/migrating.md names the versions that were run', async () => {
  const text = await read('docs/migrating.md');
  const { dependencies } = JSON.parse(await read('examples/migrating/before/package.json')) as {
    dependencies: Record<string, string>;
  };
  for (const name of ['@modelcontextprotocol/sdk', '@hono/mcp', 'mcp-handler', 'fastmcp']) {
    const named = `\`${name}\` ${dependencies[name]}`;
    assert.ok(text.includes(named), named);
  }
});
