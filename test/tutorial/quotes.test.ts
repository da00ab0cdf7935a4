/**
 * The code in docs/tutorial.md is quoted from files: from the first line with one text to the next line with another, or to
 * the bracket that closes what the first line opens. With `TUTORIAL=write`, this writes the quotes into the page; otherwise
 * it compares.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../support/process.ts';
import { MAY_WRITE, PAGE } from './page.ts';

const QUOTE = /^<!-- code: (\S+) \| (.+?)(?: \| (.+?))? -->\n+```\w+\n.*?^```$/gms;
/** A server with tools of its own has another tool file. */
const hasExample = existsSync(join(PROJECT_ROOT, 'src/slug.ts'));

test('the code that docs/tutorial.md quotes is in the files that it names', () => {
  const page = readFileSync(PAGE, 'utf8');
  let quotes = 0;
  const filled = page.replaceAll(QUOTE, (block, path: string, from: string, to?: string) => {
    quotes += 1;
    assert.ok(page.includes(`](../${path})`), `The page links to ${path}`);
    const isGone = !existsSync(join(PROJECT_ROOT, path)) || (path === 'src/mcp-server.ts' && !hasExample);
    const expected = isGone ? block : quoted(path, from, to);
    if (!MAY_WRITE) assert.equal(block, expected);
    return expected;
  });
  assert.equal(quotes, page.match(/<!-- code:/g)?.length, 'A quote is not marked as the others are');
  if (MAY_WRITE) writeFileSync(PAGE, filled);
});

/** The block of a quote. */
function quoted(path: string, from: string, to?: string): string {
  const lines = readFileSync(join(PROJECT_ROOT, path), 'utf8').split('\n');
  const begin = lines.findIndex((line) => line.includes(from));
  assert.ok(begin >= 0, `${path} has ${from}`);
  const indentOf = (line = '') => line.search(/\S/);
  const isEnd = (line: string) =>
    to === undefined ? /^ *[)\]}]/.test(line) && indentOf(line) === indentOf(lines[begin]) : line.includes(to);
  const length = lines.slice(begin + 1).findIndex(isEnd) + 2;
  assert.ok(length > 1, `${path} has ${to ?? 'an end'} after ${from}`);
  const shown = lines.slice(begin, begin + length);
  const indent = Math.min(...shown.filter((line) => line !== '').map(indentOf));
  const code = shown.map((line) => line.slice(indent)).join('\n');
  const mark = `<!-- code: ${[path, from, ...(to === undefined ? [] : [to])].join(' | ')} -->`;
  return `${mark}\n\n\`\`\`${extname(path).slice(1) || 'dockerfile'}\n${code}\n\`\`\``;
}
