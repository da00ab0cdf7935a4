/**
 * Ids of the requests that a server makes, such as elicitations.
 *
 * The SDK counts them from 0 in every server, also in one that is built anew for a session whose client has
 * answered 0 before. But an id must not be used twice in a session, and an answer that comes late, after a
 * restart, must not be taken for that to another question. So each life of a session marks its own.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic#requests
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** Marks the ids of one server. */
export interface RequestIds {
  /** A message of the server as the client shall see it. */
  mark: (message: JSONRPCMessage) => JSONRPCMessage;
  /** A body from the client as the server shall see it: its own ids in the answers, those of others as they are. */
  unmark: (body: unknown) => unknown;
}

/** Makes marks that no other server has. */
export function createRequestIds(): RequestIds {
  const prefix = `${crypto.randomUUID().slice(0, 8)}:`;

  function unmarkOne(message: unknown): unknown {
    if (typeof message !== 'object' || message === null || 'method' in message || !('id' in message)) return message;
    const { id } = message;
    return typeof id === 'string' && id.startsWith(prefix)
      ? { ...message, id: Number(id.slice(prefix.length)) }
      : message;
  }

  return {
    mark(message) {
      if (!('method' in message)) return message;
      if ('id' in message) return { ...message, id: `${prefix}${message.id}` };
      if (message.method !== 'notifications/cancelled') return message;
      return {
        ...message,
        params: { ...message.params, requestId: `${prefix}${String(message.params?.['requestId'])}` },
      };
    },
    unmark: (body) => (Array.isArray(body) ? body.map(unmarkOne) : unmarkOne(body)),
  };
}
