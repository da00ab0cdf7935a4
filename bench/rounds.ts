/** Measures all contenders in turn, in rounds. */
import { SLUGIFY } from './calls.ts';
import type { Contender } from './contenders.ts';
import { Disqualified, measure, type Measured, type Measurement } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { NodeBinary } from './prepare.ts';
import { figure } from './table.ts';

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
 * Measures contenders in turn, round after round, each time in a new process, so that other work on the machine affects
 * all of them alike. A disqualified contender is left out of later rounds.
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
    for (const outcome of outcomes) {
      const { contender, node } = outcome;
      if (outcome.disqualified !== undefined || (round > 1 && !isEveryRound(contender))) continue;
      const name = `${round}/${options.rounds} Node ${node.major} ${contender.id}`;
      try {
        const measurement = await measure(contender, { ...subject, node, options });
        outcome.rounds.push(measurement);
        print(`${name}: ${figure(measurement.perSecond)}/s, ${figure(measurement.cpuMicroseconds)} µs CPU`);
      } catch (error) {
        if (!(error instanceof Disqualified)) throw error;
        outcome.disqualified = error.message;
        print(`${name}: ${error.message}`);
      }
    }
  }
  return outcomes;
}
