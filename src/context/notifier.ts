/** Tells clients what has changed, from inside of a call or from outside. */
import type { LoggingMessageNotificationParams, ServerEvent, ServerNotifier } from '@modelcontextprotocol/server';

/**
 * Tells clients that something has changed: those that listen (`subscriptions/listen`, 2026-07-28), sessions of the 2025
 * revisions on their GET stream, and the client of a stdio connection.
 *
 * A client hears of it only if its server has announced the capability (`listChanged`, `resources.subscribe`); of an
 * updated resource only if it has subscribed to exactly that URI. A session without an open stream hears of it when it
 * opens one, once. Nothing is awaited: a call returns at once.
 */
export interface Notifier extends ServerNotifier {
  /**
   * Sends a log message to a session (`notifications/message`), unless the client's log level excludes it. Without an
   * open stream, it waits for the next one for a while. Does nothing if the session has ended.
   */
  log(sessionId: string, message: LoggingMessageNotificationParams): void;
  /** Called by the host: passes on what is notified from now on. The returned function ends that. */
  attach(host: NotificationHost): () => void;
}

/** Where notifications go. */
export interface NotificationHost {
  /** Something has changed. */
  publish(event: ServerEvent): void;
  /** A log message for a session. */
  log(sessionId: string, message: LoggingMessageNotificationParams): void;
}

/** Makes a notifier that tells nobody until a host attaches to it; several may. */
export function createNotifier(): Notifier {
  const hosts = new Set<NotificationHost>();
  const publish = (event: ServerEvent) => hosts.forEach((host) => host.publish(event));
  return {
    toolsChanged: () => publish({ kind: 'tools_list_changed' }),
    promptsChanged: () => publish({ kind: 'prompts_list_changed' }),
    resourcesChanged: () => publish({ kind: 'resources_list_changed' }),
    resourceUpdated: (uri) => publish({ kind: 'resource_updated', uri }),
    log: (sessionId, message) => hosts.forEach((host) => host.log(sessionId, message)),
    attach(host) {
      hosts.add(host);
      return () => hosts.delete(host);
    },
  };
}
