/**
 * Warns of what tools lose without noticing, and says what to do. Each warning is logged once: it is about how the tools
 * are written, or how the server is set up, and not about one request.
 */
import type { Logger } from './log.ts';

/**
 * Why the server of a session was dropped although the session goes on: there were too many (`count`), memory was short
 * (`memory`), it was idle for too long (`idle`), or servers are dropped after every request (`request`).
 */
export type DropReason = 'count' | 'memory' | 'idle' | 'request';

/** Receives what is lost. */
export interface LossLog {
  /**
   * The server of a session was dropped.
   *
   * @param hasChanged - Whether it had told its client that a list had changed.
   */
  dropped(reason: DropReason, hasChanged: boolean): void;
  /** A server that lives for one request has sent a notification outside of its call, which nobody hears. */
  unheard(method: string): void;
}

const NEW_SERVERS =
  'their sessions go on with new servers, without what the old ones kept in memory. Keep that in context.state, or';
const MORE_MEMORY = 'give the process more memory (--max-old-space-size of Node.js)';

const DROPPED: Partial<Record<DropReason, string>> = {
  count:
    'more idle servers than MCP_MAX_LIVE_SESSIONS: the least recently used are dropped, and ' +
    `${NEW_SERVERS} raise MCP_MAX_LIVE_SESSIONS`,
  memory: `memory is short: servers of idle sessions are dropped, and ${NEW_SERVERS} ${MORE_MEMORY}`,
};

const CHANGED =
  'a server was dropped that had told its client of a changed list: what it registered, enabled or removed after it was ' +
  'built is lost unless createMcpServer does it again: decide there, by what the context says (context.state, authInfo)';

const NOTIFY = 'told to nobody, since this server lives for one request: use notify of the context';
const LIST = `${NOTIFY}. A tool, prompt or resource that was registered, enabled or removed in the call is lost, too: register in createMcpServer, by what the context says (context.state, authInfo)`;
const LOG = 'told to nobody, since this server lives for one request: log in a call, with mcpReq.log';
const UNHEARD = new Map([
  ['notifications/tools/list_changed', LIST],
  ['notifications/prompts/list_changed', LIST],
  ['notifications/resources/list_changed', LIST],
  ['notifications/resources/updated', NOTIFY],
  ['notifications/message', LOG],
]);

/** Makes the log of what is lost, which remembers what it has warned of. */
export function createLossLog(log: Pick<Logger, 'warn'>): LossLog {
  const known = new Set<string>();
  const warnOnce = (kind: string, message: string, method?: string) => {
    if (known.has(kind)) return;
    known.add(kind);
    log.warn(message, { method });
  };
  return {
    dropped(reason, hasChanged) {
      const message = DROPPED[reason];
      if (message !== undefined) warnOnce(reason, message);
      if (hasChanged) warnOnce('changed', CHANGED);
    },
    unheard(method) {
      const message = UNHEARD.get(method);
      if (message !== undefined) warnOnce(method, message, method);
    },
  };
}
