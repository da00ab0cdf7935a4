import type { Clock } from '../../src/lib/clock.ts';

/** A clock that stands still until it is advanced. */
export interface ManualClock extends Clock {
  /** Advances by `milliseconds`, and runs every timer that falls due, in order. */
  advance(milliseconds: number): void;
  /** The number of pending timers, which shows leaks. */
  readonly pending: number;
}

export function manualClock(start = Date.UTC(2026, 10, 22)): ManualClock {
  let now = start;
  const timers = new Set<{ at: number; again: number | undefined; callback: () => void }>();
  const add = (milliseconds: number, again: number | undefined, callback: () => void) => {
    const timer = { at: now + milliseconds, again, callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => now,
    // Zero is not advanced: such a timer is due on the next turn of the event loop.
    every: (milliseconds, callback) =>
      milliseconds === 0 ? nextTurn(callback) : add(milliseconds, milliseconds, callback),
    after: (milliseconds, callback) =>
      milliseconds === 0 ? nextTurn(callback) : add(milliseconds, undefined, callback),
    advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
        if (!next) break;
        now = next.at;
        if (next.again === undefined) timers.delete(next);
        else next.at += next.again;
        next.callback();
      }
      now = end;
    },
    get pending() {
      return timers.size;
    },
  };
}

function nextTurn(callback: () => void): () => void {
  const timer = setTimeout(callback, 0);
  return () => clearTimeout(timer);
}
