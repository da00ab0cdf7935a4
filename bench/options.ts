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
  'memory',
  'listeners',
  'growth',
  'bystander',
  'engines',
  'observed',
] as const;
export type RunName = (typeof RUNS)[number];

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
  warmSeconds: number;
  connections: number;
  /** Whether to use small sizes, for a quick look. */
  quick: boolean;
  /** The folder of another build of this project, which `compare` measures too. */
  against?: string;
  /** Whether to write `bench/results.md` and the charts. */
  write: boolean;
}

const QUICK_CONTENDERS = ['ours', 'tmcp', 'sdk2-hono-session', 'sdk2-hono-modern', 'hono'];

/** Help for the command line. */
export const USAGE = `npm start --prefix bench -- [run …] [options]

Runs      ${RUNS.join(', ')}; all of them unless some are named
--only    contenders, by id or its beginning, separated by commas: ours-session,tmcp
--node    versions of Node.js for the servers (20,24)
--rounds  rounds over all contenders (5)
--seconds seconds of load for each measurement (4); --warm: seconds before that (4)
--connections (32)
--against the folder of another checkout, built: compare measures it too, as "before"
--quick   one short round of few contenders and small sizes
--write   writes bench/results.md and the charts although only a part was run

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
    },
  });
  const { quick } = values;
  const unknown = positionals.find((name) => !(RUNS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`There is no run ${unknown}. There are ${RUNS.join(', ')}.`);
  const runs = RUNS.filter((name) => positionals.length === 0 || positionals.includes(name));
  return {
    runs: quick && positionals.length === 0 ? ['compare'] : runs,
    only: words(values.only) ?? (quick ? QUICK_CONTENDERS : []),
    nodes: words(values.node) ?? ['20', '24'],
    rounds: positive('rounds', values.rounds) ?? (quick ? 1 : 5),
    seconds: positive('seconds', values.seconds) ?? (quick ? 2 : 4),
    warmSeconds: positive('warm', values.warm) ?? (quick ? 1.5 : 4),
    connections: positive('connections', values.connections) ?? 32,
    quick,
    ...(values.against !== undefined && { against: values.against }),
    write: values.write || args.length === 0,
  };
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
