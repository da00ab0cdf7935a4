import assert from 'node:assert/strict';
import { test } from 'node:test';
import { together, type Measurement } from '../measure.ts';
import { verdictOf } from '../runs/against.ts';
import { changeOf, growthExponent, percentile, summarize } from '../statistics.ts';

test('the median of an odd number of values is the one in the middle, whatever their order', () => {
  assert.equal(summarize([9, 1, 5]).median, 5);
  assert.equal(summarize([100, 20, 3]).median, 20);
});

test('the median of an even number of values is halfway between the two in the middle', () => {
  assert.equal(summarize([4, 1, 10, 2]).median, 3);
});

test('the spread is the distance of the farthest value from the median, as a share of it', () => {
  assert.deepEqual(summarize([90, 100, 130]), { median: 100, min: 90, max: 130, spread: 0.3 });
  assert.equal(summarize([7]).spread, 0);
  assert.equal(summarize([0, 0]).spread, 0);
});

test('a gap in the measurements is an error and not a figure', () => {
  assert.throws(() => summarize([]), RangeError);
  assert.throws(() => summarize([1, NaN]), RangeError);
  assert.throws(() => summarize([Infinity]), RangeError);
});

test('summarizing leaves the values as they were', () => {
  const values = [3, 1, 2];
  summarize(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('a percentile is a value that was measured, by nearest rank', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([1, 2, 3, 1000], 0.99), 1000);
  assert.equal(percentile([5], 0.5), 5);
});

test('there is no percentile of an empty list, and none outside its values', () => {
  assert.throws(() => percentile([], 0.5), RangeError);
  assert.throws(() => percentile([1], 0), RangeError);
  assert.throws(() => percentile([1], 1.1), RangeError);
});

test('growth is 0 where cost is flat, 1 where it is linear', () => {
  const at = (...costs: number[]) => costs.map((cost, index) => ({ size: 10 ** (index + 1), cost }));
  assert.equal(growthExponent(at(50, 70, 50)), 0);
  assert.equal(growthExponent(at(5, 50, 500)).toFixed(6), '1.000000');
  assert.throws(() => growthExponent(at(5)), RangeError);
});

test('a change is the geometric mean of the ratios: twice and half cancel out', () => {
  assert.ok(Math.abs(changeOf([2, 0.5]).change) < 1e-12);
  assert.equal(changeOf([0.9, 0.9, 0.9]).change.toFixed(6), '-0.100000');
});

test('the error of a change is that of a mean, and its interval that of Student', () => {
  // Logarithms -0.1, 0 and 0.1: their standard deviation is 0.1.
  const { change, standardError, halfWidth } = changeOf([Math.exp(-0.1), 1, Math.exp(0.1)]);
  assert.ok(Math.abs(change) < 1e-12);
  assert.equal(standardError.toFixed(5), (0.1 / Math.sqrt(3)).toFixed(5));
  assert.equal((halfWidth / standardError).toFixed(3), '4.303');
  const many = changeOf(Array.from({ length: 100 }, (_, index) => 1 + (index % 2) / 100));
  assert.equal((many.halfWidth / many.standardError).toFixed(3), '2.042');
});

test('one round, or one that is no ratio, is no change', () => {
  assert.throws(() => changeOf([0.9]), RangeError);
  assert.throws(() => changeOf([0.9, 0]), RangeError);
  assert.throws(() => changeOf([0.9, NaN]), RangeError);
});

test('the verdict names a difference only when the interval leaves no difference out', () => {
  assert.match(verdictOf([0.95, 0.96, 0.97]), /^faster by 4\.0 % ± 2\.\d$/);
  assert.match(verdictOf([1.05, 1.06, 1.07]), /^slower by 6\.0 % ± 2\.\d$/);
  assert.match(verdictOf([0.9, 1.1, 0.95, 1.03]), /^no difference seen \(-\d\.\d % ± \d+\.\d\)$/);
});

test('windows of a measurement count for as long as they took, and their times by the median', () => {
  const rest = { perSecond: 0, rss: 1, failures: 0, answers: 'JSON' } as const;
  const windows: Measurement[] = [
    { ...rest, count: 100, seconds: 1, cpuMicroseconds: 10, generatorShare: 0.5, p50: 1, p99: 9 },
    { ...rest, count: 300, seconds: 1, cpuMicroseconds: 50, generatorShare: 0.5, p50: 3, p99: 5 },
    { ...rest, count: 200, seconds: 2, cpuMicroseconds: 20, generatorShare: 0.75, p50: 2, p99: 7, rss: 3 },
  ];
  const { answers, failures, ...all } = together(windows);
  assert.deepEqual([answers, failures], ['JSON', 0]);
  assert.deepEqual(all, {
    count: 600,
    seconds: 4,
    perSecond: 150,
    cpuMicroseconds: 200 / 6,
    generatorShare: 0.625,
    p50: 2,
    p99: 7,
    rss: 3,
  });
});
