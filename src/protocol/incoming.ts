/** What comes with a request of a session, and the messages of a POST, checked before any is acted upon. */
import {
  SUPPORTED_PROTOCOL_VERSIONS,
  type AuthInfo,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
} from '@modelcontextprotocol/server';
import type { Accepted } from './accept.ts';
import {
  duplicateRequestResponse,
  invalidMessageResponse,
  secondInitializeResponse,
  unsupportedVersionResponse,
} from './errors.ts';
import { isJsonRpcMessage, messagesOf, requestIdOf } from './json.ts';

/** The revision from which on clients read events without data. */
const PRIMING_SINCE = '2025-11-25';

/** The HTTP side of a POST. */
export interface Exchange {
  /** For tools; none when a handshake is repeated. */
  request?: Request;
  accepted: Accepted;
  authInfo: AuthInfo | undefined;
}

/** Messages in their order, and the requests among them. */
export interface Incoming {
  messages: JSONRPCMessage[];
  requests: JSONRPCRequest[];
  isBatch: boolean;
}

/** The messages of a parsed body, one or a batch, or the answer to one that is not taken; `running` has the calls without an answer. */
export function readMessages(body: unknown, running: ReadonlyMap<RequestId, unknown>): Incoming | Response {
  const messages = messagesOf(body);
  if (!messages.every(isJsonRpcMessage)) return invalidMessageResponse(requestIdOf(body));
  const isBatch = Array.isArray(body);
  const requests = messages.filter((message) => 'method' in message && 'id' in message);
  const ids = new Set<RequestId>();
  for (const { id, method } of requests) {
    // "MUST NOT be part of a JSON-RPC batch" (2025-03-26, lifecycle).
    if (method === 'initialize' && isBatch) return secondInitializeResponse(requestIdOf(body));
    // "MUST NOT have been previously used by the requestor within the same session" (basic, requests).
    if (ids.has(id) || running.has(id)) return duplicateRequestResponse(id);
    ids.add(id);
  }
  return { messages, requests, isBatch };
}

/** The answer to a request whose `MCP-Protocol-Version` is none of the 2025 revisions ("Protocol Version Header"). */
export function refuseVersion(request: Request): Response | undefined {
  const version = request.headers.get('mcp-protocol-version');
  if (version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined;
  return unsupportedVersionResponse(SUPPORTED_PROTOCOL_VERSIONS);
}

/** Whether the client reads events without data ("For backwards compatibility … protocol version"). */
export function readsPriming(request: Request | undefined): boolean {
  return (request?.headers.get('mcp-protocol-version') ?? '') >= PRIMING_SINCE;
}
