/** Entry: `npm start --prefix bench`. Prepares, runs, prints and writes the results. `--help` lists the options. */
import { estimateLines } from './estimate.ts';
import { parseOptions, USAGE, type RunName } from './options.ts';
import { build, findNode, installContenders } from './prepare.ts';
import { currentRuns, writeSection } from './report.ts';
import type { Run, RunContext } from './section.ts';
import { against } from './runs/against.ts';
import { bystander } from './runs/bystander.ts';
import { check } from './runs/check.ts';
import { compare } from './runs/compare.ts';
import { engines } from './runs/engines.ts';
import { growth } from './runs/growth.ts';
import { listeners } from './runs/listeners.ts';
import { memory } from './runs/memory.ts';
import { observed } from './runs/observed.ts';
import { churn, large, stream, tools } from './runs/rounds.ts';
import { start } from './runs/start.ts';
import { work } from './runs/work.ts';

const RUN: Readonly<Record<RunName, Run>> = {
  compare,
  start,
  churn,
  stream,
  tools,
  large,
  work,
  memory,
  listeners,
  growth,
  bystander,
  engines,
  observed,
  check,
};

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** Makes a run, prints its section and writes it at once, so that an interrupted bench keeps its results. */
async function make(name: RunName, context: RunContext): Promise<void> {
  try {
    const section = await RUN[name](context);
    print(`\n## ${section.title}\n\n${section.body}\n`);
    if (context.options.write) await writeSection(name, section, context.nodes);
  } catch (error) {
    // The other runs may have taken an hour, and are still valid.
    process.exitCode = 1;
    print(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

const options = parseOptions(process.argv.slice(2));
if (process.argv.includes('--help')) {
  print(`${USAGE}\n${estimateLines(options).join('\n')}`);
  process.exit(0);
}
const done = options.resume ? await currentRuns() : new Set<RunName>();
const runs = options.runs.filter((name) => !done.has(name));
for (const line of estimateLines({ ...options, runs })) print(line);
await build();
await installContenders();
const nodes = await Promise.all(options.nodes.map(findNode));
const context: RunContext = { nodes, options, print };

if (options.against) {
  const { title, body } = await against(context, options.against);
  print(`\n## ${title}\n\n${body}`);
}
for (const name of runs) {
  const begun = performance.now();
  await make(name, context);
  print(`${name} took ${((performance.now() - begun) / 60_000).toFixed(1)} min`);
}
if (options.write) print('wrote bench/results.md and its charts');
