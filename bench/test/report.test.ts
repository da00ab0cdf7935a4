import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barChart, lineChart } from '../chart.ts';
import { contenderOf } from '../contenders.ts';
import type { Measurement } from '../measure.ts';
import { outcomeTable, standings } from '../outcome-table.ts';
import type { Outcome } from '../rounds.ts';
import { figure, markdownTable } from '../table.ts';

const node = { major: 24, version: 'v24.0.0', path: 'node' };

function outcome(id: string, speeds: number[], changes: Partial<Measurement> = {}): Outcome {
  const contender = contenderOf(id);
  const rest = { count: 1, seconds: 1, p50: 1, p99: 2, rss: 1e8, generatorShare: 0.5, failures: 0 };
  const rounds = speeds.map((perSecond): Measurement => {
    return { ...rest, answers: 'JSON', perSecond, cpuMicroseconds: 1e6 / perSecond, ...changes };
  });
  return { contender, node, rounds };
}

const rowsOf = (table: string) => table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));

test('figures have three digits at least, and commas between thousands', () => {
  const shown = [0, 0.01234, 0.5, 4.567, 78.91, 123.4, 1234.5, 1e6, NaN].map(figure);
  assert.deepEqual(shown, ['0', '0.0123', '0.500', '4.57', '78.9', '123', '1,235', '1,000,000', '–']);
});

test('a table has a rule below its titles, and figures to the right', () => {
  const table = markdownTable([{ title: 'a' }, { title: 'size', isFigure: true }], [['long name', '5']]);
  assert.equal(table, '| a         | size |\n| --------- | ---: |\n| long name |    5 |');
});

test('contenders stand in their era with the median of their rounds, the fastest first', () => {
  const all = [outcome('hono', [9000]), outcome('tmcp-session', [10, 1000, 20]), outcome('ours-session', [30, 50, 40])];
  const rows = rowsOf(outcomeTable(all)).slice(2);
  assert.deepEqual(
    rows.map(([, title, era, speed, spread]) => [title, era, speed, spread]),
    [
      ['**this project**', '2025, session', '40.0', '±25 %'],
      ['tmcp', '2025, session', '20.0', '±4900 %'],
      ['Hono alone', 'no protocol', '9,000', '–'],
    ],
  );
});

test('who is disqualified has no row, even with rounds before that, and a reason below', () => {
  const out = { ...outcome('tmcp-session', [7777]), disqualified: '3 of 9 calls failed:\nwrong' };
  const table = outcomeTable([outcome('ours-session', [40]), out]);
  assert.ok(!table.includes('7,777'));
  assert.ok(table.endsWith('- Not in it: tmcp (2025, session): 3 of 9 calls failed: wrong'));
});

test('a figure that the load generator may have limited says so', () => {
  assert.match(outcomeTable([outcome('hono', [9000], { generatorShare: 0.95 })]), /≥ 9,000/);
});

test('this project is compared with the fastest peer of its era, round by round', () => {
  const all = [
    outcome('ours-session', [100, 300, 120]),
    outcome('tmcp-session', [50, 150, 60]),
    outcome('fastmcp-session', [10, 10, 10]),
    outcome('tmcp-modern', [1000, 1000, 1000]),
    outcome('hono', [400, 1200, 480]),
  ];
  const [, , row] = rowsOf(standings(all));
  assert.deepEqual(row?.slice(1, -1), ['2025, session', 'tmcp', '2.00×', '2.00×', '1.00×', '4.00×']);
});

test('bars are as long as their values, and names are escaped', () => {
  const bars = [
    { label: 'a & <b>', values: [100, 50], isOurs: true },
    { label: 'c', values: [25, 0] },
  ];
  const svg = barChart({ title: 'speed', series: ['new', 'old'], groups: [{ title: 'era', bars }] });
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
  const [longest = 0] = widths;
  assert.deepEqual(
    widths.map((width) => Math.round((100 * width) / longest)),
    [100, 50, 25, 0],
  );
  assert.ok(svg.includes('a &amp; &lt;b>'));
  assert.ok(svg.includes('prefers-color-scheme:dark'));
});

test('lines start at zero: what costs twice as much is twice as high', () => {
  const points = [1, 2].map((cost, index) => ({ x: 10 ** (index + 1), y: 100 * cost }));
  const svg = lineChart({ title: 'cost', xTitle: 'size', lines: [{ label: 'one', points }] });
  const [, low, high] = /d="M\d+ (\d+)L\d+ (\d+)"/.exec(svg) ?? [];
  const [, zero] = /y1="(\d+)"/.exec(svg) ?? [];
  const ratio = (Number(zero) - Number(high)) / (Number(zero) - Number(low));
  assert.equal(ratio.toFixed(1), '2.0');
});

test('a chart of nothing is a chart without bars', () => {
  assert.ok(!barChart({ title: 'speed', series: [], groups: [] }).includes('<rect'));
});

test('one round has no spread', () => {
  const [, , row] = rowsOf(outcomeTable([outcome('tmcp-session', [40])]));
  assert.equal(row?.[4], '–');
});
