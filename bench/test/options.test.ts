import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf } from '../runs/against.ts';
import { againstSeconds, estimateLines, runSeconds } from '../estimate.ts';
import { AGAINST_TABLES, parseOptions, RUNS } from '../options.ts';

test('without options everything is run and written: three rounds of five seconds after eight', () => {
  const { runs, write, rounds, seconds, warmSeconds } = parseOptions([]);
  assert.deepEqual([runs, write], [RUNS, true]);
  assert.deepEqual([rounds, seconds, warmSeconds], [3, 5, 8]);
});

test('only a run of everything is written, unless asked for', () => {
  assert.equal(parseOptions(['--only', 'ours']).write, false);
  assert.equal(parseOptions(['--rounds', '1', '--write']).write, true);
  assert.deepEqual(parseOptions(['--resume']).write, true);
  assert.deepEqual(parseOptions(['--quick']).runs, ['compare']);
  assert.deepEqual(parseOptions(['growth', 'start']).runs, ['start', 'growth']);
});

test('another build is compared in place of the runs, in the tables that are named, in ten rounds', () => {
  const { runs, against, rounds, write } = parseOptions(['start', 'churn', '--against', '../other']);
  assert.deepEqual(against, { other: '../other', tables: ['churn', 'start'] });
  assert.deepEqual([runs, rounds, write], [[], 10, false]);
  assert.deepEqual(parseOptions(['--against', '../other']).against?.tables, AGAINST_TABLES);
});

test('a peer is compared in the tables and eras that it has', () => {
  const rows = (other: string) =>
    rowsOf({ other, tables: ['compare', 'churn', 'turns'] }, parseOptions([])).map(({ table, id }) => `${table} ${id}`);
  assert.deepEqual(rows('tmcp'), ['compare ours-session', 'compare ours-modern', 'churn ours-session']);
  assert.deepEqual(rows('mcp-handler'), ['compare ours-stateless', 'compare ours-modern']);
  assert.equal(rows('../other').length, 5);
});

test('options that make no sense are refused', () => {
  const wrong = [
    ['nothing'],
    ['--rounds', '0'],
    ['--seconds', 'x'],
    ['--unknown'],
    ['turns'],
    ['memory', '--against', '../other'],
    ['--against', '../other', '--write'],
  ];
  for (const args of wrong) assert.throws(() => parseOptions(args));
});

test('the estimate is the sum over what is measured, with peers in fewer rounds where they are', () => {
  const options = parseOptions([
    '--node',
    '24',
    '--only',
    'ours-session,fastmcp-session',
    '--warm',
    '3',
    '--seconds',
    '5.5',
  ]);
  // Two contenders, three rounds, ten seconds for each.
  assert.equal(runSeconds('compare', options), 60);
  assert.equal(runSeconds('churn', options), 60);
  const all = { ...options, only: [] };
  assert.ok(runSeconds('churn', all) < 3 * 10 * 9 && runSeconds('churn', all) > 10 * 9);
  assert.match(estimateLines(options)[0] ?? '', /^This will take about \d+ min: compare 1 min, start 1 min/);
});

test('the estimate of two builds counts both', () => {
  const options = parseOptions([
    'churn',
    '--against',
    '..',
    '--node',
    '24',
    '--warm',
    '3',
    '--seconds',
    '5.5',
    '--rounds',
    '4',
  ]);
  assert.equal(againstSeconds(options), 2 * 10 * 4);
});
