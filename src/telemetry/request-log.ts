/** Logs every request and every failure. */
import type { Logger } from './log.ts';
import { clientOf, eraOf, rpcMethodOf, type RequestReport } from './request-report.ts';
import type { ShortHash } from './short-hash.ts';

/** The message of a line about a request. */
export const REQUEST_MESSAGE = 'request';

/** The paths that are logged as they are. Others may be anything: people paste tokens into URLs. */
const KNOWN_PATHS = new Set(['/', '/mcp', '/mcp/server-card', '/register', '/sse', '/messages', '/favicon.ico']);
const WELL_KNOWN =
  /^\/\.well-known\/(?:oauth-protected-resource|oauth-authorization-server|openid-configuration)(?=\/|$)/;
/** Maximum length of a name that a client gives. */
const MAX_NAME_CHARS = 100;

/** Options for {@link requestLog}. */
export interface RequestLogOptions {
  log: Logger;
  /** Names sessions and principals. */
  shortHash: ShortHash;
  /** Whether requests are logged at level info. @default at level debug */
  logRequests: boolean;
}

/** Returns a function that logs a request: one line, at level warn if its status is 500 or above. */
export function requestLog({ log, shortHash, logRequests }: RequestLogOptions) {
  const usual = logRequests ? 'info' : 'debug';
  return async (report: Readonly<RequestReport>): Promise<void> => {
    const level = report.status < 500 ? usual : 'warn';
    if (log.isLevelEnabled?.(level) === false) return;
    const { sessionId, principal, incoming } = report;
    const client = clientOf(report);
    log[level](REQUEST_MESSAGE, {
      requestId: report.id,
      method: report.httpMethod,
      path: loggedPath(report.path),
      status: report.status,
      ms: report.ms,
      refusal: report.refusal,
      era: eraOf(report),
      rpc: cut(rpcMethodOf(report)),
      tool: cut(incoming?.tool),
      session: sessionId === undefined ? undefined : await shortHash(sessionId),
      principal: principal === '' ? undefined : await shortHash(principal),
      client: cut(client?.name),
      clientVersion: cut(client?.version),
    });
  };
}

/** Logs an error: its message, and at level debug its stack. */
export function logFailure(log: Logger, thrown: unknown, requestId?: string): void {
  log.error('a request failed', { requestId, error: String(thrown) });
  if (thrown instanceof Error) log.debug('a request failed', { requestId, stack: thrown.stack });
}

function loggedPath(path: string): string {
  if (KNOWN_PATHS.has(path)) return path;
  const [wellKnown] = WELL_KNOWN.exec(path) ?? ['other'];
  return wellKnown;
}

function cut(name: string | undefined): string | undefined {
  return name !== undefined && name.length > MAX_NAME_CHARS ? `${name.slice(0, MAX_NAME_CHARS)}…` : name;
}
