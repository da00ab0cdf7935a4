/** Counts what is being worked on, calls of both eras above all, so that a stop can wait for it. */
import type { Clock } from './clock.ts';

/** A count of running calls. */
export interface CallsInFlight {
  /** How many there are. */
  readonly count: number;
  /** Counts one more call; the returned function ends it, however often it is called. */
  begin(): () => void;
  /** Counts a call for as long as `work` takes. */
  track<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when there is none, at once or later, and at the latest after `milliseconds`. */
  idleWithin(milliseconds: number, clock: Pick<Clock, 'after'>): Promise<void>;
}

/** Makes a counter that stands at zero. */
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
