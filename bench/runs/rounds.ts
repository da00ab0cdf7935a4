/** The smaller comparisons: other work than the usual call. Most peers are measured in one round only. */
import { measureCall, SLUGIFY, SLUGIFY_BATCH } from '../calls.ts';
import { isMain, pickContenders, type Contender } from '../contenders.ts';
import type { BenchOptions } from '../options.ts';
import { outcomeTable } from '../outcome-table.ts';
import { IN_TURN, runRounds, type Subject } from '../rounds.ts';
import { perNode, type Run } from '../section.ts';

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
  connections?: number;
  takesPart: (contender: Contender) => boolean;
}

const COMPARISONS = {
  churn: {
    title: 'Sessions opened and ended',
    text: '`initialize`, `notifications/initialized`, one call, DELETE; times are those of all four.',
    unit: 'sessions/s',
    subject: { subject: SLUGIFY, mode: 'churn' },
    takesPart: ({ era }) => era === 'session',
  },
  stream: {
    title: 'Streamed calls with progress',
    text: '`slugify-batch` with 40 titles and a progress token: 40 notifications and the result in one stream.',
    unit: 'calls/s',
    subject: { subject: SLUGIFY_BATCH },
    connections: STREAM_CONNECTIONS,
    takesPart: ({ lacks = [] }) => !lacks.includes('progress'),
  },
  tools: {
    title: `${MANY_TOOLS} tools instead of two`,
    text: 'The same call to a server that has many more tools.',
    unit: 'requests/s',
    subject: { subject: SLUGIFY, tools: MANY_TOOLS },
    takesPart: ({ lacks = [] }) => !lacks.includes('tools'),
  },
  large: {
    title: 'A large argument',
    text: `A text of ${LARGE_BYTES / 1e6} MB, whose length is the answer.`,
    unit: 'requests/s',
    subject: { subject: measureCall(LARGE_BYTES), tools: 3 },
    connections: LARGE_CONNECTIONS,
    takesPart: ({ lacks = [] }) => !lacks.includes('tools'),
  },
} satisfies Record<string, Comparison>;

/** A smaller comparison. */
export type ComparisonName = keyof typeof COMPARISONS;

/** Its work, and its connections if they are not as many as usual. */
export function workOf(name: ComparisonName): Pick<Comparison, 'subject' | 'connections'> {
  return COMPARISONS[name];
}

/** Whether a contender can do it. */
export function canDo(name: ComparisonName, contender: Contender): boolean {
  return COMPARISONS[name].takesPart(contender);
}

/** Who takes part in it. */
export function takingPart(name: ComparisonName, { only }: BenchOptions): Contender[] {
  const { takesPart }: Comparison = COMPARISONS[name];
  return pickContenders(only).filter((each) => each.era !== 'floor' && takesPart(each));
}

/** Whether a contender is measured in every round of it: those that were asked for are. */
export function isInEveryRound({ only }: BenchOptions): (contender: Contender) => boolean {
  return only.length > 0 ? () => true : isMain;
}

function comparison(name: ComparisonName): Run {
  return async ({ nodes, options, print }) => {
    const { title, text, unit, subject, connections = options.connections }: Comparison = COMPARISONS[name];
    const contenders = takingPart(name, options);
    const isEvery = isInEveryRound(options);
    const outcomes = await runRounds(contenders, nodes, { ...options, connections }, print, subject, isEvery);
    const { rounds, seconds, warmSeconds } = options;
    const settings = `${connections} connections, ${seconds} s after ${warmSeconds} s of warming up, ${IN_TURN}`;
    const once = contenders.every(isEvery) || rounds === 1 ? '' : ', and one round of those without a spread';
    const tables = perNode(nodes, (node) =>
      outcomeTable(
        outcomes.filter((outcome) => outcome.node === node),
        unit,
      ),
    );
    return { title, body: `${text} ${settings}; ${rounds} rounds${once}.\n\n${tables}` };
  };
}

/** The run `churn`. */
export const churn = comparison('churn');
/** The run `stream`. */
export const stream = comparison('stream');
/** The run `tools`. */
export const tools = comparison('tools');
/** The run `large`. */
export const large = comparison('large');
