/**
 * Turns failures of the host into HTTP responses with JSON-RPC bodies. No other file does.
 *
 * The SDK makes its own, such as the challenges for a token. These texts are for clients: they say what to do next, and
 * contain no path, token or stack. Details belong in the log.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */

import type { InboundLadderRejection } from '@modelcontextprotocol/server';
import { jsonText } from './json.ts';

/** The id of the request that failed; `null` if it is unknown (JSON-RPC 2.0 section 5). */
type RequestId = string | number | null;

const INVALID_REQUEST = -32600;
const PARSE_ERROR = -32700;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
/** Implementation-defined. The SDK uses it for everything that has no code of its own. */
const REFUSED = -32000;
const SESSION_NOT_FOUND = -32001;
const NOT_FOUND = 'Not found: the MCP endpoint is /mcp';

/** 400: the body is not JSON. */
export const parseErrorResponse = () => errorResponse(400, PARSE_ERROR, 'Parse error: the body is not valid JSON');

/** 400: JSON that is not a JSON-RPC 2.0 message. */
export const notMessageResponse = (id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, 'Not a JSON-RPC 2.0 message', { id });

/** 400: JSON that is nested too deeply. */
export const tooDeepResponse = (maxDepth: number, id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, `The body is nested more than ${maxDepth} levels deep`, { id });

/** 400: a body with too many objects, arrays and keys. */
export const tooManyPartsResponse = (maxParts: number, id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, `The body has more than ${maxParts} objects, arrays and keys`, { id });

/** 400: a message with too many values besides its input. */
export const tooManyValuesResponse = (maxValues: number, id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, `The body has more than ${maxValues} values besides the arguments`, { id });

/** 400: an id or progress token that is too long. */
export const tooLongIdResponse = (maxChars: number) =>
  errorResponse(400, INVALID_REQUEST, `Ids and progress tokens may have at most ${maxChars} characters`);

/** 400: a batch with too many messages. */
export const batchTooLargeResponse = (maxMessages: number) =>
  errorResponse(400, INVALID_REQUEST, `A batch may have at most ${maxMessages} messages`);

/** 400, in the words of the SDK's classifier: not JSON-RPC 2.0, an invalid envelope, or headers that contradict the body. */
export const rejectedResponse = (
  { httpStatus, code, message, data }: InboundLadderRejection,
  id: RequestId,
): Response =>
  jsonResponse({ jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }, httpStatus);

/** 400: `initialize` in a batch, or in a session that is initialized already (2025-03-26, lifecycle). */
export const secondInitializeResponse = (id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, 'initialize must be sent alone, and once per session', { id });

/** 400: an `initialize` request that lacks a required member (2025-11-25, lifecycle). */
export const invalidInitializeResponse = (id: RequestId) =>
  errorResponse(400, INVALID_PARAMS, 'initialize needs an id, protocolVersion, capabilities and clientInfo', { id });

/** 413: an `initialize` request that is larger than a session's record keeps. */
export const initializeTooLargeResponse = (id: RequestId) =>
  errorResponse(413, REFUSED, 'capabilities and clientInfo are too large', { id });

/** 400: a call of the 2025 revisions that names no session. */
export const missingSessionResponse = (id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, 'Mcp-Session-Id header is missing: send initialize first', { id });

/** 400: an `MCP-Protocol-Version` that is not a legacy revision (2025-11-25, transports). */
export const unsupportedVersionResponse = (supported: readonly string[]) =>
  errorResponse(400, REFUSED, `Unsupported protocol version: sessions have one of ${supported.join(', ')}`);

/** 400: a call with the id of another call that is still running in the session (JSON-RPC 2.0 section 4). */
export const duplicateRequestResponse = (id: RequestId) =>
  errorResponse(400, INVALID_REQUEST, 'A request with this id is still running', { id });

/** 400: more resources to hear of than a session, or a stream of `subscriptions/listen`, can have. */
export const tooManySubscriptionsResponse = (id: RequestId) =>
  errorResponse(400, INVALID_PARAMS, 'Too many resource subscriptions, or URIs that are too long', { id });

/** 400: a `Last-Event-ID` that the session's log does not hold. */
export const unknownEventResponse = () =>
  errorResponse(400, REFUSED, 'Last-Event-ID is unknown or no longer held: open a new stream without it');

/** 403: a Host or Origin that is not allowed. */
export const forbiddenResponse = (message: string) => errorResponse(403, REFUSED, message);

/** 404: a session that is unknown, expired, ended or somebody else's. The client starts a new one. */
export const sessionNotFoundResponse = (id: RequestId) =>
  errorResponse(404, SESSION_NOT_FOUND, 'Session not found: start a new one with initialize', { id });

/** 404: no such path. */
export const notFoundResponse = () => errorResponse(404, REFUSED, NOT_FOUND);

/** 404: the page for browsers, to a client that does not read HTML. A cache must not give one the answer of the other. */
export const notFoundAtPageResponse = () => errorResponse(404, REFUSED, NOT_FOUND, { headers: { Vary: 'Accept' } });

/** 404: a server that has no name for a server card. */
export const noCardResponse = () =>
  errorResponse(
    404,
    REFUSED,
    'No server card: it needs a host name in MCP_PUBLIC_URL, or a server name like com.example/name',
  );

/** 405: a method that the endpoint does not serve. */
export const methodNotAllowedResponse = (allow: string) =>
  errorResponse(405, REFUSED, `Method not allowed: use ${allow}`, { headers: { Allow: allow } });

/** 405: at `/`, there is only a page for browsers. */
export const methodNotAllowedAtPageResponse = () =>
  errorResponse(405, REFUSED, 'Method not allowed: the MCP endpoint is /mcp, and this is a page for browsers', {
    headers: { Allow: 'GET, HEAD' },
  });

/** 406: the client accepts none of the possible types of an answer. */
export const notAcceptableResponse = (needed: string) =>
  errorResponse(406, REFUSED, `Not acceptable: the Accept header must allow ${needed}`);

/** 413: the body is too large. */
export const bodyTooLargeResponse = (maxBytes: number) =>
  errorResponse(413, REFUSED, `The body is larger than ${maxBytes} bytes`);

/** 415: the body is not declared to be JSON. */
export const unsupportedMediaTypeResponse = () => errorResponse(415, REFUSED, 'Content-Type must be application/json');

/** 415: the body is not in UTF-8. */
export const unsupportedCharsetResponse = () =>
  errorResponse(415, REFUSED, 'The charset must be UTF-8, as JSON requires');

/** 415: the body is compressed (RFC 9110 section 15.5.16). */
export const unsupportedEncodingResponse = () =>
  errorResponse(415, REFUSED, 'Content-Encoding is not supported: send the body as it is', {
    headers: { 'Accept-Encoding': 'identity' },
  });

/** 429: too many requests from one caller, who may retry after `retryAfterSeconds` (RFC 6585 section 4). */
export const tooManyRequestsResponse = (retryAfterSeconds: number) =>
  errorResponse(429, REFUSED, 'Too many requests', { headers: { 'Retry-After': String(retryAfterSeconds) } });

/** 429: too many calls are running in a session or for a principal. By the time the client retries, some will have ended. */
export const tooManyCallsResponse = (whose: 'session' | 'principal', max: number, id: RequestId) =>
  errorResponse(
    429,
    REFUSED,
    `Too many running calls: a ${whose} may have ${max}; MCP_MAX_CALLS_PER_${whose.toUpperCase()} of the server sets the limit`,
    { id, headers: { 'Retry-After': '10' } },
  );

/** 429: too many open streams of `subscriptions/listen` for a principal. */
export const tooManyStreamsResponse = (max: number, id: RequestId) =>
  errorResponse(
    429,
    REFUSED,
    `Too many open subscriptions: a principal may have ${max}; MCP_MAX_SESSIONS_PER_PRINCIPAL of the server sets the limit`,
    { id, headers: { 'Retry-After': '10' } },
  );

/** 499, as in nginx: the client left before there was an answer. Only the log sees this status. */
export const clientGoneResponse = (): Response => new Response(null, { status: 499 });

/** 503: unavailable; the client may retry after `retryAfterSeconds`. */
export const unavailableResponse = (message: string, retryAfterSeconds: number, id: RequestId = null) =>
  errorResponse(503, REFUSED, message, { id, headers: { 'Retry-After': String(retryAfterSeconds) } });

/** 503: what keeps the sessions is unavailable. */
export const engineUnavailableResponse = (id: RequestId) =>
  unavailableResponse('Sessions are unavailable at the moment', 2, id);

/** 503: the server is stopping. By the time the client retries, another instance will have taken over. */
export const stoppingResponse = (id: RequestId = null) => unavailableResponse('The server is stopping', 5, id);

/** 500: a bug. The log has the detail. */
export const internalErrorResponse = (id: RequestId = null) =>
  errorResponse(500, INTERNAL_ERROR, 'Internal error', { id });

/** The answer to a call whose result could not be sent or saved. The log has the detail. */
export const internalError = (id: string | number) => errorMessage(id, INTERNAL_ERROR, 'Internal error');

/** The answer to a call after `notifications/cancelled`. */
export const cancelledError = (id: string | number) => errorMessage(id, REFUSED, 'Request cancelled');

/** The answer to a call that ran for too long. */
export const timedOutError = (id: string | number) =>
  errorMessage(id, REFUSED, 'The call took too long; MCP_CALL_TIMEOUT_SECONDS of the server sets the limit');

/** 200: the same as the answer to a POST. */
export const timedOutResponse = (id: string | number) => jsonResponse(timedOutError(id), 200);

/** The answer, on a stream, to a call that was cut off because its session or the server ended. */
export const cutOffError = (id: string | number) =>
  errorMessage(id, REFUSED, 'The call was cut off: its session has ended, or the server is stopping');

function errorResponse(
  status: number,
  code: number,
  message: string,
  { id = null, headers = {} }: { id?: RequestId; headers?: Record<string, string> } = {},
): Response {
  return jsonResponse(errorMessage(id, code, message), status, headers);
}

function jsonResponse(body: object, status: number, headers: Record<string, string> = {}): Response {
  return new Response(jsonText(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

function errorMessage<Id extends RequestId>(id: Id, code: number, message: string) {
  return { jsonrpc: '2.0' as const, id, error: { code, message } };
}
