/**
 * What is different on Cloudflare Workers: a request owns its timers and its promises. They end when it is answered, or when
 * its client leaves, and code that waits for them never goes on, not even to its `finally`.
 *
 * What must happen in any case, such as counting a call as ended, happens in the turn in which its client leaves: the
 * compatibility flag `enable_request_signal` tells of that.
 */
import { systemClock, type Clock } from '../lib/clock.ts';

/** The real time. What is due at once runs as a microtask, since a timer could end with its request before it fires. */
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
