/** Summaries of measurements: the figures of every table. */

/** A summary of several measurements. */
export interface Summary {
  median: number;
  min: number;
  max: number;
  /** Largest distance of a measurement from the median, as a share of the median; 0 if the median is 0. */
  spread: number;
}

/**
 * Summarizes measurements.
 *
 * @throws RangeError if there are none, or if one is not finite: a gap must not become a figure.
 */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError(`Nothing to summarize in [${values.join(', ')}]`);
  }
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
  const min = sorted[0] ?? NaN;
  const max = sorted.at(-1) ?? NaN;
  return { median, min, max, spread: median === 0 ? 0 : Math.max(max - median, median - min) / Math.abs(median) };
}

/**
 * The value that a share of all values does not exceed (the nearest rank, so always one that was measured).
 *
 * @param sorted - In ascending order.
 * @param share - Above 0, up to 1.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0 || !(share > 0 && share <= 1)) {
    throw new RangeError(`No percentile ${share} of ${sorted.length} values`);
  }
  return sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
}

/**
 * How cost grows with size: `b` in `cost ∝ size^b` between the ends. 0 is flat, 1 linear.
 *
 * @param points - Sizes and costs, all above 0, at least two sizes.
 */
export function growthExponent(points: readonly { size: number; cost: number }[]): number {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || first.size === last.size) throw new RangeError('Growth needs two sizes');
  return Math.log(last.cost / first.cost) / Math.log(last.size / first.size);
}

/** The change from one build to another. */
export interface Change {
  /** By how much the cost has changed, as a share of the cost before: -0.04 is 4 % less. */
  change: number;
  /** Standard error of `change`. */
  standardError: number;
  /** Half the width of the 95 % confidence interval around `change`. */
  halfWidth: number;
}

/** Two-sided 95 % quantiles of Student's t, for 1, 2, 3 … degrees of freedom. More than the last is treated as the last. */
const T_95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * The change that ratios of costs show: their geometric mean, in which twice as much and half as much cancel out.
 *
 * @param ratios - Cost after, divided by cost before, one for each round.
 * @throws RangeError with fewer than two ratios, or if one is not above 0: there is no error to estimate then.
 */
export function changeOf(ratios: readonly number[]): Change {
  if (ratios.length < 2 || ratios.some((ratio) => !(ratio > 0 && Number.isFinite(ratio)))) {
    throw new RangeError(`No change in [${ratios.join(', ')}]`);
  }
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const ratio = Math.exp(mean);
  const standardError = ratio * Math.sqrt(variance / logs.length);
  return { change: ratio - 1, standardError, halfWidth: standardError * (T_95[logs.length - 2] ?? T_95.at(-1) ?? NaN) };
}
