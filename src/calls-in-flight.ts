/** Counts the calls that are being worked on, in both eras, so that a stop can wait for them. */

/** A count of running calls. */
export interface CallsInFlight {
  /** How many there are. */
  readonly count: number;
  /** Counts one more call; the returned function ends it, however often it is called. */
  begin(): () => void;
  /** Resolves when there is none, at once or later. */
  idle(): Promise<void>;
}

/** Makes a counter that stands at zero. */
export function createCallsInFlight(): CallsInFlight {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    get count() {
      return count;
    },
    begin() {
      count += 1;
      let running = true;
      return () => {
        if (!running) return;
        running = false;
        count -= 1;
        if (count > 0) return;
        for (const resolve of waiting) resolve();
        waiting.clear();
      };
    },
    idle() {
      return count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve));
    },
  };
}
