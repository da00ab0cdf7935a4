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
