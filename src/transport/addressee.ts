/** Which of the servers that several nodes have for a session a message from the client is for. */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import type { RequestIds } from './request-ids.ts';

/** The server of the node that asks, that of another node, or all of them. */
export type Addressee = 'here' | 'elsewhere' | 'everywhere';

/**
 * The addressee of a message. What is about none of the calls and questions in particular is for the node that receives it.
 *
 * @param requestIds - Of the questions that the server of this node asks.
 * @param calls - That it is answering.
 */
export function addresseeOf(
  message: JSONRPCMessage,
  requestIds: RequestIds,
  calls: ReadonlyMap<RequestId, unknown>,
): Addressee {
  const isOwn = requestIds.isOwn(message);
  if (isOwn !== undefined) return isOwn ? 'here' : 'elsewhere';
  if (!('method' in message)) return 'here';
  if (message.method === 'notifications/roots/list_changed') return 'everywhere';
  if (message.method !== 'notifications/cancelled') return 'here';
  return calls.has(message.params?.['requestId'] as RequestId) ? 'here' : 'elsewhere';
}
