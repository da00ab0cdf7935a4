/**
 * Runs docs/tutorial.md as its reader does, and compares what it shows with what happens: the blocks marked `sh`, one after
 * the other in one terminal, and after them what they print (`output`) or what passes between curl and the servers (`wire`).
 *
 * It needs a shell, curl and Redis besides Node.js, and is therefore not part of `npm test`. With `TUTORIAL=write`, it
 * writes the captures into the page.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { NO_REDIS } from '../support/redis.ts';
import { startTerminal } from '../support/terminal.ts';
import { MAY_WRITE, PAGE } from './page.ts';
import { createShow } from './show.ts';
import { startTap, type Exchange } from './tap.ts';

/** A block of commands, perhaps with the reason why it is not run, or a capture: of all exchanges, or of some of them. */
const PART =
  /(?<notRun><!-- not run: .*? -->\n+)?^```sh\n(?<commands>.*?)^```$|^(?<mark><!-- (?<kind>wire|output)(?:: (?<which>[\d ]+))? -->)\n+```\w+\n.*?^```$/gms;

const title = 'the commands of docs/tutorial.md work as they stand, in one terminal, and give what the page shows';
test(title, { skip: NO_REDIS }, async (t) => {
  const page = await readFile(PAGE, 'utf8');
  const parts = Array.from(page.matchAll(PART));
  assert.equal(
    parts.length,
    page.match(/^```sh$|<!-- (?:wire|output)/gm)?.length,
    'A capture is not marked as the others are',
  );
  const [first, second, redis, idp] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const taps = [await startTap(t, first), await startTap(t, second)] as const;
  const show = createShow({ [first]: 3000, [taps[0].port]: 3000, [second]: 3001, [taps[1].port]: 3001, [idp]: 9000 });
  const replace = (block: string) =>
    block
      .replaceAll(':3000', `:${taps[0].port}`)
      .replaceAll(':3001', `:${taps[1].port}`)
      .replaceAll('PORT=3001', `PORT=${second}`)
      .replaceAll(':9000', `:${idp}`)
      .replaceAll(/\b6379\b/g, `${redis}`);
  const directory = await mkdtemp(join(tmpdir(), 'tutorial-'));
  const terminal = startTerminal(t, { replace, env: { PORT: `${first}`, IDP_PORT: `${idp}`, TMPDIR: directory } });
  // After the terminal and what runs in it.
  t.after(() => rm(directory, { recursive: true }));

  let printed = '';
  let exchanges: Exchange[] = [];
  let filled = '';
  let end = 0;
  for (const { 0: part, index, groups = {} } of parts) {
    const { notRun, commands, mark, kind, which } = groups;
    filled += page.slice(end, index);
    end = index + part.length;
    if (commands !== undefined) {
      filled += part;
      if (notRun !== undefined) continue;
      printed = await terminal.paste(commands);
      exchanges = taps.flatMap((tap) => tap.take()).filter(({ request }) => !request.startsWith('GET /readyz'));
      continue;
    }
    const picked = exchanges.filter((_, at) => which === undefined || which.split(' ').includes(`${at + 1}`));
    const text = kind === 'output' ? show.output(printed) : picked.map(show.exchange).join('\n\n');
    const expected = `${mark}\n\n\`\`\`${kind === 'output' ? 'text' : 'http'}\n${text}\n\`\`\``;
    if (!MAY_WRITE) assert.equal(part, expected);
    filled += expected;
  }
  if (MAY_WRITE) await writeFile(PAGE, filled + page.slice(end));
});
