/** Entry: `npm start --prefix bench`. Prepares, runs, prints and writes the results. `--help` lists the options. */
import { parseOptions, USAGE, type RunName } from './options.ts';
import { build, findNode, installContenders } from './prepare.ts';
import { writeReport } from './report.ts';
import type { Run, Section } from './section.ts';
import { bystander } from './runs/bystander.ts';
import { compare } from './runs/compare.ts';
import { engines } from './runs/engines.ts';
import { growth } from './runs/growth.ts';
import { listeners } from './runs/listeners.ts';
import { memory } from './runs/memory.ts';
import { observed } from './runs/observed.ts';
import { churn, large, stream, tools } from './runs/rounds.ts';
import { start } from './runs/start.ts';

const RUN: Readonly<Record<RunName, Run>> = {
  compare,
  start,
  churn,
  stream,
  tools,
  large,
  memory,
  listeners,
  growth,
  bystander,
  engines,
  observed,
};

const print = (line: string) => void process.stdout.write(`${line}\n`);

if (process.argv.includes('--help')) {
  print(USAGE);
  process.exit(0);
}
const options = parseOptions(process.argv.slice(2));
await build();
await installContenders();
const nodes = await Promise.all(options.nodes.map(findNode));

const sections: Section[] = [];
for (const name of options.runs) {
  const section = await RUN[name]({ nodes, options, print }).catch((error: unknown): Section => {
    // The other runs may have taken an hour, and are still valid.
    process.exitCode = 1;
    print(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { title: name, body: 'This run failed.' };
  });
  sections.push(section);
  print(`\n## ${section.title}\n\n${section.body}\n`);
  // After each run, so that an interrupted bench keeps its results.
  if (options.write) await writeReport(sections, nodes);
}
if (options.write) print('wrote bench/results.md and its charts');
