/** Logs every request and every failure. */
import { createMiddleware } from 'hono/factory';
import type { Clock } from '../lib/clock.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import type { Logger } from './log.ts';

/** Logs every response: at level debug, or at warn if its status is 500 or above. */
export function requestLog(log: Logger, clock: Pick<Clock, 'now'>) {
  return createMiddleware(async (c, next) => {
    const start = clock.now();
    try {
      await next();
    } catch (thrown) {
      // Hono passes only an `Error` to `onError`, and this is something else.
      logFailure(log, thrown);
      c.res = internalErrorResponse();
    }
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
