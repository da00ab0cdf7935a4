/** A line for each request, and one for each failure. */
import { createMiddleware } from 'hono/factory';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from './log.ts';

/** Logs each answer: at debug, from status 500 on at warn. */
export function requestLog(log: Logger, clock: Pick<Clock, 'now'>) {
  return createMiddleware(async (c, next) => {
    const start = clock.now();
    await next();
    const { method, path } = c.req;
    const { status } = c.res;
    log[status < 500 ? 'debug' : 'warn']('request', { method, path, status, ms: clock.now() - start });
  });
}

/** Logs what was thrown: its message, and at debug its stack. */
export function logFailure(log: Logger, thrown: unknown): void {
  log.error('a request failed', { error: String(thrown) });
  if (thrown instanceof Error) log.debug('a request failed', { stack: thrown.stack });
}

/** Hono's `onError` hears of Errors only: whatever else is thrown becomes one. */
export const throwErrors = createMiddleware(async (_c, next) => {
  try {
    await next();
  } catch (thrown) {
    throw Object.assign(new Error(String(thrown)), { name: '' });
  }
});
