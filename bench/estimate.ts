/** How long a bench takes, told before it begins: the load is computed, the rest as it was on two cores. */
import { pickContenders, type Contender } from './contenders.ts';
import { FLOODS } from './flood-plan.ts';
import type { BenchOptions, RunName } from './options.ts';
import { rowsOf } from './runs/against.ts';
import { FLOODED, floodSeconds } from './runs/bystander.ts';
import { checkedOf } from './runs/check.ts';
import { isInEveryRound, takingPart, type ComparisonName } from './runs/rounds.ts';
import { workersOf } from './runs/work.ts';

/** To start, verify, connect and stop. */
const OVERHEAD_SECONDS = 1.5;
/** Servers in `engines` on all versions of Node.js, each with two kinds of calls, and in `observed`. */
const ENGINES = 5;
const OBSERVED = 10;
/** Of the parts that do not depend on the options, for each version of Node.js. */
const FIXED_SECONDS = { memory: 90, listeners: 75, growth: 330, redis: 90 };

/** Seconds that a run takes. */
export function runSeconds(name: RunName, options: BenchOptions): number {
  const { rounds, quick } = options;
  const nodes = options.nodes.length;
  const each = measurementSeconds(options);
  const inRounds = (contenders: readonly Contender[]) => contenders.length * rounds * nodes * each;
  const smaller = (comparison: ComparisonName) => {
    const contenders = takingPart(comparison, options);
    const inEvery = contenders.filter(isInEveryRound(options)).length;
    return (inEvery * rounds + contenders.length - inEvery) * nodes * each;
  };
  const fixed = (seconds: number) => (quick ? seconds / 10 : seconds) * nodes;
  const seconds: Record<RunName, () => number> = {
    compare: () => inRounds(pickContenders(options.only)),
    start: () => pickContenders(options.only).length * rounds * nodes * 0.4,
    churn: () => smaller('churn'),
    stream: () => smaller('stream'),
    tools: () => smaller('tools'),
    large: () => smaller('large'),
    work: () => inRounds(workersOf(options)) / nodes,
    memory: () => fixed(FIXED_SECONDS.memory),
    listeners: () => fixed(FIXED_SECONDS.listeners),
    growth: () => fixed(FIXED_SECONDS.growth),
    bystander: () =>
      FLOODED.length * (FLOODS.length + 1) * (floodSeconds(options) + options.warmSeconds / 2 + OVERHEAD_SECONDS),
    engines: () => (ENGINES * 2 * rounds * nodes * each) / 2 + fixed(FIXED_SECONDS.redis) / nodes,
    observed: () => OBSERVED * rounds * nodes * each,
    check: () => checkedOf(options).length * rounds * (each + options.seconds + OVERHEAD_SECONDS),
  };
  return seconds[name]();
}

/** Seconds that the comparison of two builds takes. */
export function againstSeconds(options: BenchOptions): number {
  const rows = options.against ? rowsOf(options.against, options) : [];
  const each = (table: string) => (table === 'start' ? 4 : 2 * measurementSeconds(options));
  return rows.reduce((sum, { table }) => sum + each(table), 0) * options.rounds * options.nodes.length;
}

const minutes = (seconds: number) => `${Math.ceil(seconds / 60)} min`;

/** Lines that say how long the runs take. */
export function estimateLines(options: BenchOptions): string[] {
  if (options.against) return [`This will take about ${minutes(againstSeconds(options))}.`];
  const all = options.runs.map((name) => ({ name, seconds: runSeconds(name, options) }));
  const total = all.reduce((sum, { seconds }) => sum + seconds, 0);
  const parts = all.map(({ name, seconds }) => `${name} ${minutes(seconds)}`);
  return [`This will take about ${minutes(total)}: ${parts.join(', ')}.`];
}

function measurementSeconds({ warmSeconds, seconds }: BenchOptions): number {
  return warmSeconds + seconds + OVERHEAD_SECONDS;
}
