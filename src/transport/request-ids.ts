/**
 * Ids of the requests that a server makes, such as elicitations.
 *
 * The SDK counts them from 0 in every server, including one that is rebuilt for a session whose client has already
 * answered 0. But an id must not be used twice in a session, and an answer that arrives late, after a restart, must
 * not be taken for the answer to another question. So each life of a session marks its own.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic#requests
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** How the SDK writes its ids: a count, from 0. Whatever else stands behind our prefix is not ours. */
const COUNT = /^(?:0|[1-9]\d{0,14})$/;

/** Marks the ids of one server. */
export interface RequestIds {
  /** A message of the server as the client shall see it. */
  mark: (message: JSONRPCMessage) => JSONRPCMessage;
  /** A message of the client as the server shall see it: answers to its own requests under their ids, others under none that it has. */
  unmark: (message: JSONRPCMessage) => JSONRPCMessage;
}

/** Makes marks that no other server has. */
export function createRequestIds(): RequestIds {
  const prefix = `${crypto.randomUUID().slice(0, 8)}:`;
  return {
    mark(message) {
      if (!('method' in message)) return message;
      if ('id' in message) return { ...message, id: `${prefix}${message.id}` };
      if (message.method !== 'notifications/cancelled') return message;
      const requestId = `${prefix}${String(message.params?.['requestId'])}`;
      return { ...message, params: { ...message.params, requestId } };
    },
    unmark(message) {
      if ('method' in message) return message;
      const id = String(message.id);
      const count = id.startsWith(prefix) ? id.slice(prefix.length) : '';
      // The SDK looks an answer up by `Number(id)`, which takes "" for 0 and "0x1" for 1: neither must get there.
      return { ...message, id: COUNT.test(count) ? Number(count) : `unknown:${id}` };
    },
  };
}
