/**
 * What is different on Cloudflare Workers: a request owns its timers and its promises. They end when it is answered, or when
 * its client leaves, and code that waits for them never goes on, not even to its `finally`.
 *
 * @see https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil
 */
import { systemClock, type Clock } from '../lib/clock.ts';

/** How long a request goes on when its client has left, in milliseconds: it is told, ends, and is no longer counted as running. */
const CLEAN_UP_MS = 1000;

/** What Workers pass as the third argument of `fetch`. */
export interface WorkersContext {
  waitUntil(work: Promise<unknown>): void;
}

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

/**
 * Lets a request clean up when its client has left. Otherwise its call would count as running for as long as the isolate
 * lives. Needs the compatibility flag `enable_request_signal`.
 */
export function cleanUpAfterAbort({ signal }: Request, context: WorkersContext, clock: Pick<Clock, 'after'>): void {
  const cleanUp = () => new Promise<void>((resolve) => clock.after(CLEAN_UP_MS, resolve));
  signal.addEventListener('abort', () => context.waitUntil(cleanUp()), { once: true });
}
