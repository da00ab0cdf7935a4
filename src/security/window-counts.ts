/**
 * Counts by key in windows of time, for a bounded number of keys.
 *
 * A window ends by the clock, not by a timer: a timer is late if the machine was suspended, and on some runtimes it ends
 * with the request that has set it.
 */
import type { RateCount } from '../contracts/rate-counter.ts';

/** Options for {@link createWindowCounts}. */
export interface WindowCountsOptions {
  /** Length of a window, in milliseconds. It begins with the first request of its key. */
  windowMs: number;
  /** Most keys that are counted at a time. */
  maxKeys: number;
  /** The time now, in milliseconds since 1970. */
  now: () => number;
}

/** Counts in memory. */
export interface WindowCounts {
  /** Whether `key` has a count, or there is room for one more. */
  hasRoomFor(key: string): boolean;
  /** The count of a key; `undefined` if its window is over, or never began. */
  get(key: string): RateCount | undefined;
  /** Adds to the count of a key, whether there is room for it or not. */
  add(key: string, points: number): RateCount;
  /** Replaces the count of a key. */
  set(key: string, count: RateCount): void;
}

/** Makes empty counts. */
export function createWindowCounts({ windowMs, maxKeys, now }: WindowCountsOptions): WindowCounts {
  /** Those that began first come first, and therefore end first. */
  const windows = new Map<string, { points: number; endsAt: number }>();

  function forgetEnded(): void {
    for (const [key, { endsAt }] of windows) {
      if (endsAt > now()) return;
      windows.delete(key);
    }
  }

  function get(key: string): RateCount | undefined {
    const window = windows.get(key);
    const msLeft = (window?.endsAt ?? 0) - now();
    return window && msLeft > 0 ? { points: window.points, msLeft } : undefined;
  }

  function set(key: string, { points, msLeft }: RateCount): void {
    windows.delete(key);
    windows.set(key, { points, endsAt: now() + msLeft });
  }

  return {
    hasRoomFor(key) {
      if (windows.has(key)) return true;
      forgetEnded();
      return windows.size < maxKeys;
    },
    get,
    add(key, points) {
      const window = windows.get(key);
      const count = get(key);
      if (!window || !count) {
        set(key, { points, msLeft: windowMs });
        return { points, msLeft: windowMs };
      }
      window.points += points;
      return { points: window.points, msLeft: count.msLeft };
    },
    set,
  };
}
