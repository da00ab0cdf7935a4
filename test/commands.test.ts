/** Commands, JSON and addresses in the README and the docs: that they can be read, and that what commands name exists. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeleted } from './support/optional.ts';
import { PROJECT_ROOT } from './support/process.ts';

/** What a command can name in this repository. A built file stands for its source. */
const PATH = /(?<![\w/.-])(?:\.\/)?((?:src|dist|test|deploy|dev|examples|bench|docs|\.ci)\/[\w./-]*\.\w+)/g;
/** Scripts that go with a folder. */
const FOLDERS: Record<string, string> = {
  'dev:idp': 'dev',
  conformance: 'test/conformance',
  interop: 'test/interop',
};

interface Page {
  page: string;
  text: string;
}

interface Block {
  page: string;
  commands: string;
}

async function allPages(): Promise<Page[]> {
  const docs = (await readdir(join(PROJECT_ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', 'CONTRIBUTING.md', 'examples/README.md', ...docs.map((name) => `docs/${name}`)];
  const there = pages.filter((page) => existsSync(join(PROJECT_ROOT, page)));
  return Promise.all(there.map(async (page) => ({ page, text: await readFile(join(PROJECT_ROOT, page), 'utf8') })));
}

async function blocks(): Promise<Block[]> {
  return (await allPages()).flatMap(({ page, text }) =>
    Array.from(text.matchAll(/^ *```(?:sh|bash)\n(.*?)^ *```$/gms), ([, commands = '']) => ({ page, commands })),
  );
}

test('a shell can read every command in the docs', async () => {
  const all = await blocks();
  assert.ok(all.length > 30);
  for (const { page, commands } of all) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: commands, encoding: 'utf8' });
    assert.equal(status, 0, `${page}: ${stderr}${commands}`);
  }
});

test('the scripts of npm that the docs name exist', async () => {
  const { scripts } = JSON.parse(await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  let named = 0;
  for (const { page, commands } of await blocks()) {
    for (const [, run, other = ''] of commands.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b(?! --prefix))/g)) {
      const script = run ?? other;
      named += 1;
      assert.ok(script in scripts || isDeleted(FOLDERS[script] ?? ''), `${page} names ${script}`);
    }
  }
  assert.ok(named > 5);
});

test('the files of this repository that commands in the docs name exist', async () => {
  let named = 0;
  for (const { page, commands } of await blocks()) {
    for (const [, path = ''] of commands.matchAll(PATH)) {
      named += 1;
      const source = path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts');
      assert.ok(isDeleted(source) || existsSync(join(PROJECT_ROOT, source)), `${page} names ${path}`);
    }
  }
  assert.ok(named > 10);
});

test('the JSON in the docs is JSON', async () => {
  let read = 0;
  for (const { page, text } of await allPages()) {
    for (const [, json = ''] of text.matchAll(/^ *```json\n(.*?)^ *```$/gms)) {
      read += 1;
      assert.doesNotThrow(() => JSON.parse(json) as unknown, `${page}: ${json}`);
    }
  }
  assert.ok(read > 2);
});

test('links to other sites are addresses that a browser opens, by https', async () => {
  let read = 0;
  for (const { page, text } of await allPages()) {
    for (const [, to = ''] of text.matchAll(/\]\((\w+:[^)\s]+)/g)) {
      read += 1;
      assert.ok(URL.canParse(to) && new URL(to).protocol === 'https:', `${page} links to ${to}`);
    }
  }
  assert.ok(read > 50);
});
