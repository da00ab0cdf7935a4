/** Log messages of MCP, with levels as in syslog (RFC 5424 section 6.2.1). */
import { LoggingLevelSchema } from '@modelcontextprotocol/core';
import type { JSONRPCNotification, LoggingLevel, LoggingMessageNotificationParams } from '@modelcontextprotocol/server';

/** Whether a client that asked for `minimum` gets messages of a level. A client that has not asked gets all of them. */
export function isLogged(level: LoggingLevel, minimum: LoggingLevel | undefined): boolean {
  const { options: levels } = LoggingLevelSchema;
  return minimum === undefined || levels.indexOf(level) >= levels.indexOf(minimum);
}

/** A log message as it is sent. */
export function logMessage(params: LoggingMessageNotificationParams): JSONRPCNotification {
  return { jsonrpc: '2.0', method: 'notifications/message', params: { ...params } };
}
