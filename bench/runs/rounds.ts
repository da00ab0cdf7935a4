/** The smaller comparisons: other work than the usual call, in fewer rounds. */
import { measureCall, SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { pickContenders, type Contender } from '../contenders.ts';
import type { BenchOptions } from '../options.ts';
import { outcomeTable } from '../outcome-table.ts';
import { runRounds, type Subject } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';

const MAX_ROUNDS = 3;
const MAX_SECONDS = 2;
const MANY_TOOLS = 100;
const LARGE_BYTES = 1_000_000;
/** Connections that send a large argument: enough to keep a core busy. */
const LARGE_CONNECTIONS = 8;
const STREAM_CONNECTIONS = 100;

interface Comparison {
  title: string;
  /** A description for readers of the results. */
  text: string;
  /** What is counted. */
  unit: string;
  subject: Subject;
  options?: Partial<BenchOptions>;
  takesPart: (contender: Contender) => boolean;
}

async function run({ nodes, options, print }: RunContext, comparison: Comparison): Promise<Section> {
  const { title, text, unit, subject, takesPart } = comparison;
  const contenders = pickContenders(options.only).filter((each) => each.era !== 'floor' && takesPart(each));
  const less: BenchOptions = {
    ...options,
    rounds: Math.min(options.rounds, MAX_ROUNDS),
    seconds: Math.min(options.seconds, MAX_SECONDS),
    warmSeconds: Math.min(options.warmSeconds, MAX_SECONDS),
    ...comparison.options,
  };
  const outcomes = await runRounds(contenders, nodes, less, print, subject);
  const settings = `${less.connections} connections, ${less.rounds} rounds of ${less.seconds} s`;
  const tables = perNode(nodes, (node) =>
    outcomeTable(
      outcomes.filter((outcome) => outcome.node === node),
      unit,
    ),
  );
  return { title, body: `${text} ${settings[0]?.toUpperCase()}${settings.slice(1)}.\n\n${tables}` };
}

/** The run `churn`. */
export function churn(context: RunContext): Promise<Section> {
  return run(context, {
    title: 'Sessions opened and ended',
    text: '`initialize`, `notifications/initialized`, one call, DELETE; times are those of all four.',
    unit: 'sessions/s',
    subject: { subject: SLUGIFY, mode: 'churn' },
    takesPart: ({ era }) => era === 'session',
  });
}

/** The run `stream`. */
export function stream(context: RunContext): Promise<Section> {
  return run(context, {
    title: 'Streamed calls with progress',
    text: '`slugify-batch` with 40 titles and a progress token: 40 notifications and the result in one stream.',
    unit: 'calls/s',
    subject: { subject: SLUGIFY_BATCH },
    options: { connections: STREAM_CONNECTIONS },
    takesPart: ({ lacks = [] }) => !lacks.includes('progress'),
  });
}

/** The run `tools`. */
export function tools(context: RunContext): Promise<Section> {
  return run(context, {
    title: `${MANY_TOOLS} tools instead of two`,
    text: 'The same call to a server that has many more tools.',
    unit: 'requests/s',
    subject: { subject: SLUGIFY, tools: MANY_TOOLS },
    takesPart: ({ lacks = [] }) => !lacks.includes('tools'),
  });
}

/** The run `large`. */
export function large(context: RunContext): Promise<Section> {
  return run(context, {
    title: 'A large argument',
    text: `A text of ${LARGE_BYTES / 1e6} MB, whose length is the answer.`,
    unit: 'requests/s',
    subject: { subject: measureCall(LARGE_BYTES), tools: 3 },
    options: { connections: LARGE_CONNECTIONS },
    takesPart: ({ lacks = [] }) => !lacks.includes('tools'),
  });
}
