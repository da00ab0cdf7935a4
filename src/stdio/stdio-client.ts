/** The client of a stdio connection, as far as it is told what has changed. */
import type { JSONRPCRequest, Server } from '@modelcontextprotocol/server';
import type { NotificationHost } from '../context/notifier.ts';
import {
  announcedLists,
  answerSubscriptions,
  applySubscription,
  notificationOf,
  resourceSubject,
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
  let current: { server: Server; era: string; sessionId: string | undefined } | undefined;

  /** Whether the client wants to hear of a subject. In 2026-07-28, the SDK knows what it listens to. */
  function wants(subject: string, server: Server, era: string): boolean {
    if (era === 'modern' || announcedLists(server).includes(subject)) return true;
    return Array.from(uris, resourceSubject).includes(subject);
  }

  return {
    use(server, era, sessionId) {
      current = { server, era, sessionId };
      if (era === 'legacy') answerSubscriptions(server);
    },
    onresult: (request) => void applySubscription(request, uris),
    publish(event) {
      if (!current?.server.transport || !wants(subjectOf(event), current.server, current.era)) return;
      current.server.transport.send(notificationOf(event)).catch(onerror);
    },
    log(sessionId, message) {
      if (!current?.server.transport || sessionId !== current.sessionId) return;
      current.server.sendLoggingMessage(message).catch(onerror);
    },
  };
}
