import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Stage } from './client.ts';
import { startHosted } from './hosted.ts';

/** Connects to a process that says `opening`, and then answers each question with the lines in `answers`. */
async function startWith(t: TestContext, opening: string, answers: string[][] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'hosted-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = `
    const [opening, answers] = ${JSON.stringify([opening, answers])};
    console.log(opening);
    require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
      const lines = answers.shift();
      if (!lines) process.exit(3);
      for (const line of lines) console.log(line);
    });`;
  const host = { command: process.execPath, args: ['--eval', program, '--'] };
  return startHosted({ t, folder } as Stage, host, { url: 'http://127.0.0.1/mcp' });
}

const CONNECTED = '{"result":"connected"}';

test('lists tools, and reports progress before a result', async (t) => {
  const answers = [['{"result":["slugify"]}'], ['{"progress":1}', '{"progress":2}', '{"result":{"slug":"a"}}']];
  const driver = await startWith(t, CONNECTED, answers);
  assert.deepEqual(await driver.listTools(), ['slugify']);
  const seen: number[] = [];
  assert.deepEqual(await driver.call('slugify', {}, (progress) => seen.push(progress)), { slug: 'a' });
  assert.deepEqual(seen, [1, 2]);
});

test('skips what a library prints besides', async (t) => {
  const driver = await startWith(t, `A new version is available\n${CONNECTED}`, [['warning', '{"result":[]}']]);
  assert.deepEqual(await driver.listTools(), []);
});

test('rejects with what a library shows for a call that fails, and goes on', async (t) => {
  const driver = await startWith(t, CONNECTED, [['{"error":"Session not found"}'], ['{"result":1}']]);
  await assert.rejects(
    driver.call('slugify', {}, () => {}),
    /Session not found/,
  );
  assert.equal(await driver.call('slugify', {}, () => {}), 1);
});

test('rejects when the process ends', async (t) => {
  const driver = await startWith(t, CONNECTED);
  await assert.rejects(driver.listTools());
});
