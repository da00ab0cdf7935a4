/** Logs every request and every failure. */
import { createMiddleware } from 'hono/factory';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from './log.ts';

/** Logs every response: at level debug, or at warn if its status is 500 or above. */
export function requestLog(log: Logger, clock: Pick<Clock, 'now'>) {
  return createMiddleware(async (c, next) => {
    const start = clock.now();
    await next();
    const { method, path } = c.req;
    const { status } = c.res;
    log[status < 500 ? 'debug' : 'warn']('request', { method, path, status, ms: clock.now() - start });
  });
}

/** Logs an error: its message, and at level debug its stack. */
export function logFailure(log: Logger, thrown: unknown): void {
  log.error('a request failed', { error: String(thrown) });
  if (thrown instanceof Error) log.debug('a request failed', { stack: thrown.stack });
}

/** Turns any other value that is thrown into an `Error`, because Hono passes only errors to `onError`. */
export const throwErrors = createMiddleware(async (_c, next) => {
  try {
    await next();
  } catch (thrown) {
    throw Object.assign(new Error(String(thrown)), { name: '' });
  }
});
