/** Outcomes beside one of them. */
import { summaryOf } from './outcome-table.ts';
import type { Outcome } from './rounds.ts';
import { summarize } from './statistics.ts';
import { figure, markdownTable, whole } from './table.ts';

/**
 * Outcomes of one Node.js with their ratios to the first of them, taken within rounds.
 *
 * @param what - The title of the first column.
 * @param first - What the first is called in the titles of the ratios.
 */
export function ratioTable(outcomes: readonly Outcome[], what: string, first: string): string {
  const columns = [
    { title: what },
    ...['requests/s', 'p99 ms', 'CPU µs each', `requests/s, times ${first}`, `p99, times ${first}`].map((name) => ({
      title: name,
      isFigure: true,
    })),
  ];
  const [base] = outcomes;
  const rows = outcomes.map((outcome) => {
    const { contender, disqualified } = outcome;
    if (disqualified !== undefined) return [contender.title, disqualified, '', '', '', ''];
    const ratio = (measure: (round: Outcome['rounds'][number]) => number) =>
      summarize(outcome.rounds.map((round, index) => measure(round) / measure(base?.rounds[index] ?? round))).median;
    return [
      contender.title,
      whole(summaryOf(outcome, ({ perSecond }) => perSecond).median),
      figure(summaryOf(outcome, ({ p99 }) => p99).median),
      figure(summaryOf(outcome, ({ cpuMicroseconds }) => cpuMicroseconds).median),
      `${ratio(({ perSecond }) => perSecond).toFixed(2)}×`,
      `${ratio(({ p99 }) => p99).toFixed(2)}×`,
    ];
  });
  return markdownTable(columns, rows);
}
