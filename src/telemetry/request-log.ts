/** Logs every request and every failure. */
import type { Logger } from './log.ts';
import type { RequestReport } from './request-report.ts';

/** Returns a function that logs a request: at level debug, or at warn if its status is 500 or above. */
export function requestLog(log: Logger): (report: Readonly<RequestReport>) => void {
  return ({ httpMethod, path, status, ms }) => {
    log[status < 500 ? 'debug' : 'warn']('request', { method: httpMethod, path, status, ms });
  };
}

/** Logs an error: its message, and at level debug its stack. */
export function logFailure(log: Logger, thrown: unknown): void {
  log.error('a request failed', { error: String(thrown) });
  if (thrown instanceof Error) log.debug('a request failed', { stack: thrown.stack });
}
