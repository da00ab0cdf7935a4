/** Log messages of MCP, with levels as in syslog (RFC 5424 section 6.2.1). */
import type { JSONRPCNotification, LoggingLevel, LoggingMessageNotificationParams } from '@modelcontextprotocol/server';

const LEVELS: readonly LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

/** Whether a client that asked for `minimum` gets messages of a level. A client that has not asked gets all of them. */
export function isLogged(level: LoggingLevel, minimum: LoggingLevel | undefined): boolean {
  return minimum === undefined || LEVELS.indexOf(level) >= LEVELS.indexOf(minimum);
}

/** A log message as it is sent. */
export function logMessage(params: LoggingMessageNotificationParams): JSONRPCNotification {
  return { jsonrpc: '2.0', method: 'notifications/message', params: { ...params } };
}
