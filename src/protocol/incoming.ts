/**
 * The messages of a POST, parsed once. `endpoint/read-message.ts` makes this value from bytes, and nothing after it looks
 * into the body again.
 */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/server';

/** The kind of a body: one message, or a batch (2025-03-26 only). */
export type IncomingKind = 'initialize' | 'request' | 'notification' | 'response' | 'batch';

/** The JSON-RPC messages of one POST. */
export interface Incoming {
  /** `modern` is 2026-07-28; `legacy` is 2025-11-25 and before. The SDK decides. */
  readonly era: 'legacy' | 'modern';
  /** The revision that a modern message names; `undefined` for legacy messages, whose session has it. */
  readonly revision: string | undefined;
  readonly kind: IncomingKind;
  readonly messages: readonly JSONRPCMessage[];
  /** Those of `messages` that expect an answer. */
  readonly requests: readonly JSONRPCRequest[];
  /** The method of a single request or notification. */
  readonly method: string | undefined;
  /** The tool that a single `tools/call` request names. */
  readonly tool: string | undefined;
  /** The id of a single request; `null` otherwise. A POST that is refused as a whole is answered under it. */
  readonly id: RequestId | null;
}

/**
 * Describes messages that are known to be JSON-RPC: one, or a batch.
 *
 * @param revision - The revision that a modern message names; leave it out for legacy messages.
 */
export function describeIncoming(body: JSONRPCMessage | readonly JSONRPCMessage[], revision?: string): Incoming {
  const era = revision === undefined ? 'legacy' : 'modern';
  if (!isSingle(body)) {
    const requests = body.filter(isRequest);
    return { era, revision, kind: 'batch', messages: body, requests, method: undefined, tool: undefined, id: null };
  }
  const messages = [body];
  const method = 'method' in body ? body.method : undefined;
  if (!isRequest(body)) {
    const kind = method === undefined ? 'response' : 'notification';
    return { era, revision, kind, messages, requests: [], method, tool: undefined, id: null };
  }
  const kind = method === 'initialize' && era === 'legacy' ? 'initialize' : 'request';
  return { era, revision, kind, messages, requests: [body], method, tool: calledTool(body), id: body.id };
}

function isSingle(body: JSONRPCMessage | readonly JSONRPCMessage[]): body is JSONRPCMessage {
  return !Array.isArray(body);
}

function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return 'method' in message && 'id' in message;
}

function calledTool({ method, params }: JSONRPCRequest): string | undefined {
  const name = method === 'tools/call' ? params?.['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}
