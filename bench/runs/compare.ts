/** The comparison: every contender, the same call, round after round. */
import { barChart } from '../chart.ts';
import { pickContenders } from '../contenders.ts';
import { ERA_TITLES, outcomeTable, ranked, standings, summaryOf } from '../outcome-table.ts';
import type { NodeBinary } from '../prepare.ts';
import type { Era } from '../requests.ts';
import { IN_TURN, runRounds, type Outcome } from '../rounds.ts';
import { perNode, type RunContext, type Section } from '../section.ts';

/** The run `compare`. */
export async function compare({ nodes, options, print }: RunContext): Promise<Section> {
  const outcomes = await runRounds(pickContenders(options.only), nodes, options, print);
  const body = perNode(nodes, (node) => {
    const here = outcomes.filter((outcome) => outcome.node === node);
    return [outcomeTable(here), standings(here)].join('\n\n');
  });
  const { connections, rounds, seconds, warmSeconds } = options;
  const settings = [
    `${connections} connections, each in a session of its own where there are sessions`,
    `${rounds} rounds of ${seconds} s after ${warmSeconds} s of warming up, a new process each time, ${IN_TURN}`,
  ].join('; ');
  const text =
    `The same \`tools/call slugify\`: ${settings}. Medians over the rounds; the spread is the distance of the ` +
    'round farthest from it. Ratios below each table are taken within rounds. The last column is how busy ' +
    'the load generator was, of one core; `≥`: for more than 90 %, so the server may be faster.';
  return {
    title: 'Side by side',
    body: `${text}\n\n${body}`,
    charts: { 'comparison.svg': comparisonChart(outcomes, nodes) },
  };
}

function comparisonChart(outcomes: readonly Outcome[], nodes: readonly NodeBinary[]): string {
  const newestFirst = nodes.toSorted((a, b) => b.major - a.major);
  const speedOf = (id: string, node: NodeBinary) => {
    const outcome = ranked(outcomes).find((each) => each.contender.id === id && each.node === node);
    return outcome ? summaryOf(outcome, ({ perSecond }) => perSecond).median : 0;
  };
  const [newest] = newestFirst;
  const order = ranked(outcomes.filter(({ node }) => node === newest)).map(({ contender }) => contender);
  const groups = (Object.keys(ERA_TITLES) as Era[]).map((era) => ({
    title: ERA_TITLES[era],
    bars: order
      .filter((contender) => contender.era === era)
      .map(({ id, title, ours = false }) => ({
        label: title,
        isOurs: ours,
        values: newestFirst.map((node) => speedOf(id, node)),
      })),
  }));
  return barChart({
    title: 'tools/call, requests per second',
    series: newestFirst.map(({ major }) => `Node.js ${major}`),
    groups: groups.filter(({ bars }) => bars.length > 0),
  });
}
