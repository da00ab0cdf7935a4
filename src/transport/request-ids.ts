/**
 * The ids of requests that a server makes, such as elicitations.
 *
 * In every server the SDK counts them from 0, even if the server is rebuilt for a session whose client has answered 0
 * before. But an id must not be used twice in a session, and an answer that arrives late, after a restart, must not be
 * matched to another request. So every server has a prefix of its own for them. It also tells which of the nodes that have
 * the session in memory an answer is for.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic#requests
 */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';

/** The ids that the SDK makes: a count from 0. Anything else after our prefix did not come from this server. */
const COUNT = /^(?:0|[1-9]\d{0,14})$/;

/** An id as it may be in a message from a client. */
type Sent = RequestId | undefined;

/** Translates the ids of one server. */
export interface RequestIds {
  /** A message from the server, as the client is to see it: requests, and their progress tokens, get the prefix. */
  mark: (message: JSONRPCMessage) => JSONRPCMessage;
  /**
   * A message from the client, as the server is to see it: what is about requests of this server gets their original ids, and
   * what is about those of others an id that it does not know.
   */
  unmark: (message: JSONRPCMessage) => JSONRPCMessage;
  /**
   * Whether a message from the client answers a request of this server, or reports the progress of one; `undefined` if it
   * does neither for any server.
   */
  isOwn: (message: JSONRPCMessage) => boolean | undefined;
}

/** Chooses a prefix that no other server has. */
export function createRequestIds(): RequestIds {
  const prefix = `${crypto.randomUUID().slice(0, 8)}:`;

  /** The server's own id for one that the client has sent. */
  function original(sent: Sent): string | number {
    const id = String(sent);
    const count = id.startsWith(prefix) ? id.slice(prefix.length) : '';
    // The SDK looks an answer up by `Number(id)`, which takes "" for 0 and "0x1" for 1: neither must get there.
    return COUNT.test(count) ? Number(count) : `unknown:${id}`;
  }

  return {
    mark(message) {
      if (!('method' in message)) return message;
      if ('id' in message) return { ...message, id: `${prefix}${message.id}`, ...markedParams(message.params, prefix) };
      if (message.method !== 'notifications/cancelled') return message;
      const requestId = `${prefix}${String(message.params?.['requestId'])}`;
      return { ...message, params: { ...message.params, requestId } };
    },
    unmark(message) {
      if (!('method' in message)) return { ...message, id: original(message.id) };
      if (message.method !== 'notifications/progress') return message;
      return { ...message, params: { ...message.params, progressToken: original(aboutRequest(message)) } };
    },
    isOwn(message) {
      const id = aboutRequest(message);
      return id === undefined ? undefined : String(id).startsWith(prefix);
    },
  };
}

/** The id of the server's request that a message from the client answers or reports progress of; `undefined` if it does neither. */
function aboutRequest(message: JSONRPCMessage): Sent {
  if (!('method' in message)) return message.id;
  return message.method === 'notifications/progress' ? (message.params?.['progressToken'] as Sent) : undefined;
}

/** In place of the parameters of a request: the SDK uses the id as the progress token, too. */
function markedParams(params: Record<string, unknown> | undefined, prefix: string) {
  const meta = params?.['_meta'] as { progressToken?: RequestId } | undefined;
  if (meta?.progressToken === undefined) return {};
  return { params: { ...params, _meta: { ...meta, progressToken: `${prefix}${meta.progressToken}` } } };
}
