/** Outcomes as tables: all contenders, and this project against the fastest of them. */
import type { Measurement } from './measure.ts';
import type { Era } from './requests.ts';
import type { Outcome } from './rounds.ts';
import { summarize, type Summary } from './statistics.ts';
import { figure, markdownTable, megabytes, percent } from './table.ts';

/** What an era is called in tables. */
export const ERA_TITLES: Readonly<Record<Era, string>> = {
  session: '2025, session',
  stateless: '2025, stateless',
  modern: '2026-07-28',
  floor: 'no protocol',
};
const ERAS = Object.keys(ERA_TITLES) as Era[];
/** Above this share, the generator itself may be the bottleneck. */
const GENERATOR_LIMIT = 0.9;
/** How much of the reason for a missing row is shown. */
const MAX_REASON_CHARS = 300;

/** The median of one measure over the rounds, and the spread. */
export function summaryOf(outcome: Outcome, measure: (measurement: Measurement) => number): Summary {
  return summarize(outcome.rounds.map(measure));
}

/** Outcomes with figures, by era, the fastest first. */
export function ranked(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(isIn).toSorted((a, b) => place(a) - place(b) || speed(b) - speed(a));
}

function place({ contender }: Outcome): number {
  return ERAS.indexOf(contender.era);
}

function speed(outcome: Outcome): number {
  return summaryOf(outcome, ({ perSecond }) => perSecond).median;
}

function isIn({ rounds, disqualified }: Outcome): boolean {
  return disqualified === undefined && rounds.length > 0;
}

/** The table of one Node.js, followed by the contenders that are not in it, and why. */
export function outcomeTable(outcomes: readonly Outcome[], what = 'requests/s'): string {
  const columns = [
    { title: 'contender' },
    { title: 'era' },
    { title: what, isFigure: true },
    { title: 'spread', isFigure: true },
    { title: 'p50 ms', isFigure: true },
    { title: 'p99 ms', isFigure: true },
    { title: 'CPU µs each', isFigure: true },
    { title: 'RSS MB', isFigure: true },
    { title: 'answers' },
    { title: 'generator', isFigure: true },
  ];
  const rows = ranked(outcomes).map((outcome) => {
    const rate = summaryOf(outcome, ({ perSecond }) => perSecond);
    const generator = summaryOf(outcome, ({ generatorShare }) => generatorShare).median;
    return [
      outcome.contender.ours ? `**${outcome.contender.title}**` : outcome.contender.title,
      ERA_TITLES[outcome.contender.era],
      `${generator > GENERATOR_LIMIT ? '≥ ' : ''}${figure(rate.median)}`,
      outcome.rounds.length > 1 ? `±${percent(rate.spread)}` : '–',
      figure(summaryOf(outcome, ({ p50 }) => p50).median),
      figure(summaryOf(outcome, ({ p99 }) => p99).median),
      figure(summaryOf(outcome, ({ cpuMicroseconds }) => cpuMicroseconds).median),
      megabytes(summaryOf(outcome, ({ rss }) => rss).median),
      outcome.rounds[0]?.answers ?? '',
      percent(generator),
    ];
  });
  const out = outcomes.filter((outcome) => outcome.disqualified !== undefined);
  const reasons = out.map(({ contender, disqualified = '' }) => {
    return `- Not in it: ${contender.title} (${ERA_TITLES[contender.era]}): ${disqualified.replaceAll(/\s+/g, ' ').slice(0, MAX_REASON_CHARS)}`;
  });
  return [markdownTable(columns, rows), ...(reasons.length > 0 ? [reasons.join('\n')] : [])].join('\n\n');
}

/**
 * This project against the fastest peer of the same era, and against Hono alone. Ratios are taken within each
 * round, whose noise both share, and the median of them is shown.
 */
export function standings(outcomes: readonly Outcome[]): string {
  const all = ranked(outcomes);
  const floor = all.find(({ contender }) => contender.id === 'hono');
  const rows = all.flatMap((own) => {
    if (!own.contender.ours) return [];
    const peer = all.find(({ contender }) => !contender.ours && contender.era === own.contender.era);
    return [
      [
        ERA_TITLES[own.contender.era],
        peer?.contender.title ?? '–',
        ratio(own, peer, ({ perSecond }) => perSecond),
        ratio(peer, own, ({ cpuMicroseconds }) => cpuMicroseconds),
        ratio(own, peer, ({ p99 }) => p99),
        ratio(floor, own, ({ perSecond }) => perSecond),
      ],
    ];
  });
  const columns = [
    { title: 'this project' },
    { title: 'fastest peer' },
    { title: 'requests/s, times the peer', isFigure: true },
    { title: 'calls for the same CPU time, times the peer', isFigure: true },
    { title: 'p99, times the peer', isFigure: true },
    { title: 'Hono alone is faster by', isFigure: true },
  ];
  return markdownTable(columns, rows);
}

function ratio(
  above: Outcome | undefined,
  below: Outcome | undefined,
  measure: (measurement: Measurement) => number,
): string {
  const pairs = (above?.rounds ?? []).flatMap((measurement, round) => {
    const other = below?.rounds[round];
    return other ? [measure(measurement) / measure(other)] : [];
  });
  return pairs.length === 0 ? '–' : `${summarize(pairs).median.toFixed(2)}×`;
}
