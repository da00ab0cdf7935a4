/** Counts running calls, so that a stop can wait for them, and no principal can have too many. */
import type { Clock } from './clock.ts';

/** A count of running calls. */
export interface CallsInFlight {
  /** How many calls are running. */
  readonly count: number;
  /** How many of them are a principal's. Always 0 for unauthenticated callers, whose key is empty. */
  countOf(principal: string): number;
  /**
   * Counts one more call. The returned function ends it; calling that again does nothing.
   *
   * @param principal - The key of the caller's principal. @default an unauthenticated caller
   * @param calls - For how many calls it counts. @default 1
   */
  begin(principal?: string, calls?: number): () => void;
  /** The same for a call that ends when `work` is done. */
  track<T>(work: () => Promise<T>, principal?: string, calls?: number): Promise<T>;
  /** Resolves as soon as no call is running, or after `milliseconds`. */
  idleWithin(milliseconds: number, clock: Pick<Clock, 'after'>): Promise<void>;
}

/** Makes a counter. */
export function createCallsInFlight(): CallsInFlight {
  let count = 0;
  const counts = new Map<string, number>();
  const waiting = new Set<() => void>();

  function add(principal: string, calls: number): void {
    count += calls;
    if (principal === '') return;
    const sum = (counts.get(principal) ?? 0) + calls;
    if (sum === 0) counts.delete(principal);
    else counts.set(principal, sum);
  }

  function begin(principal = '', calls = 1): () => void {
    add(principal, calls);
    let running = true;
    return () => {
      if (!running) return;
      running = false;
      add(principal, -calls);
      if (count > 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    };
  }

  return {
    get count() {
      return count;
    },
    countOf: (principal) => counts.get(principal) ?? 0,
    begin,
    async track(work, principal, calls) {
      const end = begin(principal, calls);
      try {
        return await work();
      } finally {
        end();
      }
    },
    idleWithin(milliseconds, clock) {
      if (count === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const cancel = clock.after(milliseconds, () => {
          waiting.delete(end);
          resolve();
        });
        const end = () => {
          cancel();
          resolve();
        };
        waiting.add(end);
      });
    },
  };
}
