/** The command line. */
import { parseArgs } from 'node:util';

/** All runs, in their order. */
export const RUNS = [
  'compare',
  'start',
  'churn',
  'stream',
  'tools',
  'large',
  'work',
  'memory',
  'listeners',
  'growth',
  'bystander',
  'engines',
  'observed',
  'check',
] as const;
export type RunName = (typeof RUNS)[number];

/** What two builds of this project can be compared in, in this order. */
export const AGAINST_TABLES = ['compare', 'churn', 'stream', 'tools', 'large', 'turns', 'start'] as const;
export type AgainstTable = (typeof AGAINST_TABLES)[number];

/** Another build of this project, or a peer, and what to compare the two in. */
export interface Against {
  /** A checkout that `npm run build` was run in, or the name of a peer. */
  other: string;
  tables: readonly AgainstTable[];
}

/** What to measure, and for how long. */
export interface BenchOptions {
  runs: readonly RunName[];
  /** Words that pick contenders; without any, the run has its default. */
  only: readonly string[];
  /** Major versions of Node.js. */
  nodes: readonly string[];
  rounds: number;
  /** Seconds of measured load. */
  seconds: number;
  /** Seconds of load before that: Node.js 24 goes on compiling for about as long as the default. */
  warmSeconds: number;
  connections: number;
  /** Whether to use small sizes, for a quick look. */
  quick: boolean;
  /** Measures two builds of this project instead of the runs. */
  against?: Against;
  /** Whether to write `bench/results.md` and the charts. */
  write: boolean;
  /** Whether to leave out the runs whose section in `bench/results.md` is of the code as it is. */
  resume: boolean;
}

const QUICK_CONTENDERS = ['ours', 'tmcp', 'sdk2-hono-session', 'sdk2-hono-modern', 'hono'];
const ROUNDS = 3;
/** Each round is one ratio, and the interval around their mean narrows with their number. */
const AGAINST_ROUNDS = 10;

/** Help for the command line. */
export const USAGE = `npm start --prefix bench -- [run …] [options]

Runs      ${RUNS.join(', ')}; all of them unless some are named
--only    contenders, by id or its beginning, separated by commas: ours-session,tmcp
--node    versions of Node.js for the servers (20,24)
--rounds  rounds over all contenders (${ROUNDS}; with --against ${AGAINST_ROUNDS})
--seconds seconds of load for each measurement (5); --warm: seconds before that (8)
--connections (32)
--against the folder of another checkout, built, or a peer such as tmcp: measures that and this build in turn, printed
          only. In place of runs, name the tables (all unless some are named): ${AGAINST_TABLES.join(', ')}
--quick   one short round of few contenders and small sizes
--write   writes bench/results.md and the charts although only a part was run, and keeps the other sections
--resume  the same, for the runs whose section is not of the code as it is

Without any of them everything is run, and written.
`;

/**
 * Reads the command line.
 *
 * @throws Error that names what is wrong.
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      node: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      warm: { type: 'string' },
      connections: { type: 'string' },
      against: { type: 'string' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, against: other, resume } = values;
  if (other !== undefined && (values.write || resume)) throw new Error('--against writes nothing.');
  const against = other === undefined ? undefined : { other, tables: named(AGAINST_TABLES, positionals, 'table') };
  const runs = against ? [] : named(RUNS, positionals, 'run');
  return {
    runs: quick && positionals.length === 0 && !against ? ['compare'] : runs,
    only: words(values.only) ?? (quick ? QUICK_CONTENDERS : []),
    nodes: words(values.node) ?? ['20', '24'],
    rounds: positive('rounds', values.rounds) ?? defaultRounds(quick, against !== undefined),
    seconds: positive('seconds', values.seconds) ?? (quick ? 2 : 5),
    warmSeconds: positive('warm', values.warm) ?? (quick ? 1.5 : 8),
    connections: positive('connections', values.connections) ?? 32,
    quick,
    ...(against && { against }),
    write: values.write || resume || args.every((arg) => arg === '--help'),
    resume,
  };
}

/** The interval of a ratio needs two rounds at least. */
function defaultRounds(isQuick: boolean, isAgainst: boolean): number {
  if (isAgainst) return isQuick ? 2 : AGAINST_ROUNDS;
  return isQuick ? 1 : ROUNDS;
}

function named<T extends string>(all: readonly T[], names: readonly string[], kind: string): T[] {
  const unknown = names.find((name) => !(all as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`There is no ${kind} ${unknown}. There are ${all.join(', ')}.`);
  return all.filter((name) => names.length === 0 || names.includes(name));
}

function words(value: string | undefined): string[] | undefined {
  return value?.split(',').filter((word) => word !== '');
}

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new Error(`--${name} ${value} is not a number above 0.`);
  return number;
}
