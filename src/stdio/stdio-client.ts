/** The client of a stdio connection, as far as it is told what has changed. */
import type { Writable } from 'node:stream';
import type { JSONRPCRequest, Server, ServerEvent } from '@modelcontextprotocol/server';
import type { NotificationHost } from '../context/notifier.ts';
import { announcedEvents, answerSubscriptions, notificationOf, subjectOf } from '../context/subscriptions.ts';

/** Most lists and resources of which a change waits for a client that does not read. As many as the log of changes keeps. */
const MAX_WAITING = 10_000;

/** Takes what is notified to the client. */
export interface StdioClient extends NotificationHost {
  /** Sends by `server` from now on. */
  use(server: Server, era: 'legacy' | 'modern', sessionId: string | undefined): void;
  /** To be called when a request has got its result. */
  onresult(request: JSONRPCRequest): void;
}

/**
 * Makes a client that is told nothing until it has a server.
 *
 * @param stdout - Where the server writes. While the client does not read it, only the last change of each list and
 * resource waits, so that a flood of changes takes no memory.
 * @param onerror - Receives failures to send, and what cannot wait because too much does.
 */
export function createStdioClient(stdout: Writable, onerror: (error: Error) => void): StdioClient {
  const uris = new Set<string>();
  /** What waits until the client reads again, by subject. */
  const waiting = new Map<string, ServerEvent>();
  let current: { server: Server; era: string; sessionId: string | undefined } | undefined;

  /** Whether the client wants to hear of an event. In 2026-07-28, the SDK knows what it listens to. */
  function wants(event: ServerEvent, server: Server, era: string): boolean {
    if (era === 'modern') return true;
    if (event.kind === 'resource_updated') return uris.has(event.uri);
    return announcedEvents(server).some(({ kind }) => kind === event.kind);
  }

  function publish(event: ServerEvent): void {
    const subject = subjectOf(event);
    if (!current?.server.transport || !wants(event, current.server, current.era)) return;
    if (!stdout.writableNeedDrain) return void current.server.transport.send(notificationOf(event)).catch(onerror);
    if (waiting.size === 0) stdout.once('drain', publishWaiting);
    if (waiting.size < MAX_WAITING || waiting.has(subject)) waiting.set(subject, event);
    else onerror(new Error(`The client does not read, and is not told of ${subject}`));
  }

  function publishWaiting(): void {
    const events = Array.from(waiting.values());
    waiting.clear();
    events.forEach(publish);
  }

  return {
    use(server, era, sessionId) {
      current = { server, era, sessionId };
      if (era === 'legacy') answerSubscriptions(server);
    },
    onresult({ method, params }) {
      if (method === 'resources/subscribe') uris.add(params?.['uri'] as string);
      if (method === 'resources/unsubscribe') uris.delete(params?.['uri'] as string);
    },
    publish,
    log(sessionId, message) {
      if (!current?.server.transport || sessionId !== current.sessionId) return;
      current.server.sendLoggingMessage(message).catch(onerror);
    },
  };
}
