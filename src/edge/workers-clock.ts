/** The real time on Cloudflare Workers. */
import { systemClock, type Clock } from '../lib/clock.ts';

/**
 * Workers drop the timers of a request once it is answered. What is due at once, such as a notification that others must
 * hear of, would be lost, so it runs as a microtask.
 */
export const workersClock: Clock = {
  ...systemClock,
  endsWithRequest: true,
  after(milliseconds, callback) {
    if (milliseconds > 0) return systemClock.after(milliseconds, callback);
    let isCalledOff = false;
    queueMicrotask(() => {
      if (!isCalledOff) callback();
    });
    return () => {
      isCalledOff = true;
    };
  },
};
