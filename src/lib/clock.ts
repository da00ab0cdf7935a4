/** The time. It is passed in wherever it matters, so that tests can set it instead of sleeping. */

/** Tells the time and runs timers. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `callback` every `milliseconds` until the returned function is called. Does not keep the process alive. */
  every(milliseconds: number, callback: () => void): () => void;
  /** Calls `callback` once after `milliseconds`, at most 24 days, unless the returned function is called first. Keeps the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /**
   * Whether a timer ends with the request that has set it, as on Cloudflare Workers, so that no request can rely on the
   * timer of another. @default false
   */
  readonly endsWithRequest?: boolean;
}

/** The longest that a timer can wait, in milliseconds: 24 days. Node.js runs one for longer than that at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The real time. */
export const systemClock: Clock = {
  now: Date.now,
  every(milliseconds, callback) {
    const timer = setInterval(callback, milliseconds);
    if (typeof timer === 'object') timer.unref();
    return () => clearInterval(timer);
  },
  after(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(milliseconds, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
