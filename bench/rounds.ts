/** Measures all contenders, in rounds. */
import { SLUGIFY } from './calls.ts';
import type { Contender } from './contenders.ts';
import {
  Disqualified,
  measureInTurn,
  startLoaded,
  WINDOWS,
  type Loaded,
  type Measured,
  type Measurement,
} from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { NodeBinary } from './prepare.ts';
import { figure } from './table.ts';

/** How it is done, for readers of the results. */
export const IN_TURN = `those of an era beside each other, loaded in turn in ${WINDOWS} windows`;

/** Prints a line about the progress of a run. */
export type Print = (line: string) => void;

/** The results of one contender on one Node.js. */
export interface Outcome {
  contender: Contender;
  node: NodeBinary;
  rounds: Measurement[];
  /** Why it is not in the table. */
  disqualified?: string;
}

/** What to measure, except for the Node.js. */
export type Subject = Omit<Measured, 'node' | 'options'>;

/**
 * Measures contenders, round after round, each time in new processes. Those of one era on one Node.js are started
 * together and loaded in turn, so that other work on the machine affects all of them alike. A disqualified contender is
 * left out of later rounds.
 *
 * @param isEveryRound - Whether a contender is measured in every round, or in the first only.
 */
export async function runRounds(
  contenders: readonly Contender[],
  nodes: readonly NodeBinary[],
  options: BenchOptions,
  print: Print,
  subject: Subject = { subject: SLUGIFY },
  isEveryRound: (contender: Contender) => boolean = () => true,
): Promise<Outcome[]> {
  const outcomes = nodes.flatMap((node) => contenders.map((contender): Outcome => ({ contender, node, rounds: [] })));
  for (let round = 1; round <= options.rounds; round += 1) {
    const here = outcomes.filter(({ contender, disqualified }) => {
      return disqualified === undefined && (round === 1 || isEveryRound(contender));
    });
    for (const group of groupsOf(here)) {
      const results = await measureGroup(group, { ...subject, options });
      for (const outcome of group) {
        const name = `${round}/${options.rounds} Node ${outcome.node.major} ${outcome.contender.id}`;
        print(`${name}: ${take(outcome, results.get(outcome))}`);
      }
    }
  }
  return outcomes;
}

/** Outcomes of the same Node.js and era. */
function groupsOf(outcomes: readonly Outcome[]): Outcome[][] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const key = `${outcome.node.major} ${outcome.contender.era}`;
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return Array.from(groups.values());
}

async function measureGroup(
  group: readonly Outcome[],
  measured: Omit<Measured, 'node'>,
): Promise<Map<Outcome, Measurement | Disqualified>> {
  const servers = new Map<Outcome, Loaded>();
  const results = new Map<Outcome, Measurement | Disqualified>();
  try {
    for (const outcome of group) {
      try {
        servers.set(outcome, await startLoaded(outcome.contender, { ...measured, node: outcome.node }));
      } catch (error) {
        if (!(error instanceof Disqualified)) throw error;
        results.set(outcome, error);
      }
    }
    return new Map([...results, ...(await measureInTurn(servers, measured.options.seconds))]);
  } finally {
    for (const { stop } of servers.values()) await stop();
  }
}

/** Adds a result to an outcome, and says what it is. */
function take(outcome: Outcome, result: Measurement | Disqualified | undefined): string {
  if (result === undefined) throw new Error(`${outcome.contender.id} was not measured`);
  if (result instanceof Disqualified) return (outcome.disqualified = result.message);
  outcome.rounds.push(result);
  return `${figure(result.perSecond)}/s, ${figure(result.cpuMicroseconds)} µs CPU`;
}
