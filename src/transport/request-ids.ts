/**
 * The ids of requests that a server makes, such as elicitations.
 *
 * In every server the SDK counts them from 0, even if the server is rebuilt for a session whose client has answered 0
 * before. But an id must not be used twice in a session, and an answer that arrives late, after a restart, must not be
 * matched to another request. So every server has a prefix of its own for them.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic#requests
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** The ids that the SDK makes: a count from 0. Anything else after our prefix did not come from this server. */
const COUNT = /^(?:0|[1-9]\d{0,14})$/;

/** Translates the ids of one server. */
export interface RequestIds {
  /** A message from the server, as the client is to see it: requests get the prefix. */
  mark: (message: JSONRPCMessage) => JSONRPCMessage;
  /** A message from the client, as the server is to see it: answers to its requests get their original ids, other answers an unknown one. */
  unmark: (message: JSONRPCMessage) => JSONRPCMessage;
}

/** Chooses a prefix that no other server has. */
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
