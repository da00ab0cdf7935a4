/** The client of a stdio connection, as far as it is told what has changed. */
import type { JSONRPCRequest, Server, ServerEvent } from '@modelcontextprotocol/server';
import type { NotificationHost } from '../context/notifier.ts';
import {
  announcedLists,
  answerSubscriptions,
  applySubscription,
  notificationOf,
  subjectOf,
} from '../context/subscriptions.ts';

/** Takes what is notified to the client. */
export interface StdioClient extends NotificationHost {
  /** Sends by `server` from now on. */
  use(server: Server, era: 'legacy' | 'modern', sessionId: string | undefined): void;
  /** To be called when a request has got its result. */
  onresult(request: JSONRPCRequest): void;
}

/** Makes a client that is told nothing until it has a server. */
export function createStdioClient(onerror: (error: Error) => void): StdioClient {
  const uris = new Set<string>();
  /** The subjects of notifications that are not written yet, each with a later event about the same, if there is one. */
  const writing = new Map<string, ServerEvent | undefined>();
  let current: { server: Server; era: string; sessionId: string | undefined } | undefined;

  /** Whether the client wants to hear of an event. In 2026-07-28, the SDK knows what it listens to. */
  function wants(event: ServerEvent, server: Server, era: string): boolean {
    if (era === 'modern') return true;
    return event.kind === 'resource_updated' ? uris.has(event.uri) : announcedLists(server).includes(event.kind);
  }

  /** Sends an event, and then the last of those about the same that have come before it was written. */
  async function send(event: ServerEvent): Promise<void> {
    const subject = subjectOf(event);
    for (let next: ServerEvent | undefined = event; next; next = writing.get(subject)) {
      writing.set(subject, undefined);
      await current?.server.transport?.send(notificationOf(next)).catch(onerror);
    }
    writing.delete(subject);
  }

  return {
    use(server, era, sessionId) {
      current = { server, era, sessionId };
      if (era === 'legacy') answerSubscriptions(server);
    },
    onresult: (request) => void applySubscription(request, uris),
    publish(event) {
      const subject = subjectOf(event);
      if (!current?.server.transport || !wants(event, current.server, current.era)) return;
      if (writing.has(subject)) writing.set(subject, event);
      else void send(event);
    },
    log(sessionId, message) {
      if (!current?.server.transport || sessionId !== current.sessionId) return;
      current.server.sendLoggingMessage(message).catch(onerror);
    },
  };
}
