/** The contract of a rate counter: it counts the requests of a caller on all nodes together. */

/** The count of a key in its window. */
export interface RateCount {
  /** How many there were, these included. */
  points: number;
  /** Milliseconds until the window ends. */
  msLeft: number;
}

/** Counts in windows that begin with the first request of a key. */
export interface RateCounter {
  /**
   * Adds to the count of a key. Rejects if the engine is unavailable.
   *
   * @param name - What is counted: the same key has a count for each name.
   */
  add(name: string, key: string, points: number, windowSeconds: number): Promise<RateCount>;
}
