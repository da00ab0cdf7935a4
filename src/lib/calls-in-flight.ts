/** Counts running calls, so that a stop can wait for them. */
import type { Clock } from './clock.ts';

/** A count of running calls. */
export interface CallsInFlight {
  /** How many calls are running. */
  readonly count: number;
  /** Counts one more call. The returned function ends it; calling that again does nothing. */
  begin(): () => void;
  /** Counts a call until `work` is done. */
  track<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves as soon as no call is running, or after `milliseconds`. */
  idleWithin(milliseconds: number, clock: Pick<Clock, 'after'>): Promise<void>;
}

/** Makes a counter. */
export function createCallsInFlight(): CallsInFlight {
  let count = 0;
  const waiting = new Set<() => void>();

  function begin(): () => void {
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
  }

  return {
    get count() {
      return count;
    },
    begin,
    async track(work) {
      const end = begin();
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
