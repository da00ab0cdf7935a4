/**
 * The differences that docs/migrating.md shows, made from the files that the tests run.
 *
 * Lines that differ only in their indentation count as the same. No program does it, so that the tests need none.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/process.ts';

/** How many of the lines that stay are shown before and after those that change. */
const CONTEXT_LINES = 1;

interface Line {
  sign: ' ' | '-' | '+';
  text: string;
  /** If it stays: how it was indented. */
  was?: string;
}

/** Returns `text` with the difference between its two files inside of each pair of `<!-- diff A B -->` and `<!-- /diff -->`. */
export async function withDiffs(text: string): Promise<string> {
  const parts = text.split(/(?<=<!-- diff \S+ \S+ -->\n)[^]*?(?=<!-- \/diff -->)/);
  let filled = '';
  for (const part of parts) {
    filled += part;
    const [, before = '', after = ''] = /<!-- diff (\S+) (\S+) -->\n$/.exec(part) ?? [];
    if (before) filled += `\n\`\`\`diff\n${diffOf(await linesOf(before), await linesOf(after)).join('\n')}\n\`\`\`\n\n`;
  }
  return filled;
}

/** A file as its readers would write it: without its header, and with this project as a package. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(join(PROJECT_ROOT, file), 'utf8');
  return text
    .replace(/^\/\*\*[^]*?\*\/\n/, '')
    .replace(/'(\.\.\/)+src\/tools\.ts'/, "'hono-mcp-server/tools'")
    .trimEnd()
    .split('\n');
}

/** A diff in the unified format, whose `@@` stand for lines that stay. */
export function diffOf(before: readonly string[], after: readonly string[]): string[] {
  const lines = withoutChance(align(before, after));
  const isNear = lines.map((_, index) =>
    lines.slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1).some(({ sign }) => sign !== ' '),
  );
  return lines.flatMap(({ sign, text }, index) => {
    if (isNear[index]) return [text === '' && sign === ' ' ? '' : sign + text];
    const isBetween = isNear[index - 1] === true && isNear.includes(true, index);
    return isBetween ? ['@@'] : [];
  });
}

/** All lines, of which as many as possible stay. */
function align(before: readonly string[], after: readonly string[]): Line[] {
  const isSame = (i: number, j: number) => before[i]?.trim() === after[j]?.trim();
  // How many of the lines from `before[i]` and `after[j]` on can stay.
  const common = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  const from = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = common[i];
      if (row) row[j] = isSame(i, j) ? from(i + 1, j + 1) + 1 : Math.max(from(i + 1, j), from(i, j + 1));
    }
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && isSame(i, j)) {
      lines.push({ sign: ' ', text: after[j] ?? '', was: before[i] ?? '' });
      [i, j] = [i + 1, j + 1];
    } else if (j >= after.length || (i < before.length && from(i + 1, j) >= from(i, j + 1))) {
      lines.push({ sign: '-', text: before[i] ?? '' });
      i += 1;
    } else {
      lines.push({ sign: '+', text: after[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}

/** Between changes, a single empty line or bracket that stays tells nothing: it is removed and added. */
function withoutChance(lines: readonly Line[]): Line[] {
  const isChange = ({ sign }: Line) => sign !== ' ';
  const result: Line[] = [];
  let [removed, added, stay]: [Line[], Line[], Line[]] = [[], [], []];
  const flush = () => {
    result.push(...removed, ...added, ...stay);
    [removed, added, stay] = [[], [], []];
  };
  for (const line of lines) {
    if (!isChange(line)) {
      stay.push(line);
      continue;
    }
    const isChance = stay.length === 1 && stay.every(({ text }) => !/\w/.test(text));
    if (stay.length > 0 && !isChance) flush();
    removed.push(...stay.map(({ text, was = text }): Line => ({ sign: '-', text: was })));
    added.push(...stay.map(({ text }): Line => ({ sign: '+', text })));
    stay = [];
    (line.sign === '-' ? removed : added).push(line);
  }
  flush();
  return result;
}
