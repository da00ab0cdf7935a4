/**
 * From the bytes of a POST to an {@link Incoming}, or a refusal: media type, size, JSON, nesting, number of values,
 * then JSON-RPC and the era, which the SDK tells (`classifyInboundRequest`).
 *
 * Every limit here comes before anything recursive or quadratic looks at the body.
 */
import {
  classifyInboundRequest,
  isJsonContentType,
  readRequestBody,
  type InboundHttpRequest,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';
import {
  batchTooLargeResponse,
  bodyTooLargeResponse,
  parseErrorResponse,
  rejectedResponse,
  tooDeepResponse,
  tooManyValuesResponse,
  unsupportedMediaTypeResponse,
} from '../protocol/errors.ts';
import { describeIncoming, type Incoming } from '../protocol/incoming.ts';
import { hasMoreValuesThan, isDeeperThan, parseJson, requestIdOf } from '../protocol/json.ts';

/** The SDK's limit, applied here because the SDK looks at every message of a batch before it counts them. */
const MAX_BATCH_MESSAGES = 100;
/** Levels of arrays and objects. Recursion over a body overflows the stack at some thousands. */
const MAX_DEPTH = 200;
/** Values in a body besides the input of tools and prompts. The SDK checks each several times, some of them pairwise. */
const MAX_VALUES = 2000;

/**
 * Reads a POST.
 *
 * @param maxBytes - The largest body that is read.
 * @returns the message or batch, or the answer to one that is refused: 400, 413 or 415.
 */
export async function readMessage(request: Request, maxBytes: number): Promise<Incoming | Response> {
  if (!isJsonContentType(request.headers.get('content-type'))) return unsupportedMediaTypeResponse();
  let text;
  try {
    text = await readText(request, maxBytes);
  } catch {
    // The client went away before the end; nobody reads this.
    return parseErrorResponse();
  }
  if (text === undefined) return bodyTooLargeResponse(maxBytes);
  const body = parseJson(text);
  if (body === undefined) return parseErrorResponse();
  return refuseSize(body, text.length) ?? classify(request, body);
}

/**
 * The body as text; `undefined` when it is too large. HTTP guarantees that a body is as long as declared, so only one
 * of unknown length is counted; one that is declared too large is not read.
 */
function readText(request: Request, maxBytes: number): Promise<string | undefined> {
  const declared = request.headers.get('content-length');
  if (declared !== null && /^\d+$/.test(declared) && Number(declared) <= maxBytes) return request.text();
  return readRequestBody(request, maxBytes).then((read) => (read.tooLarge ? undefined : read.text));
}

function refuseSize(body: unknown, chars: number): Response | undefined {
  if (Array.isArray(body) && body.length > MAX_BATCH_MESSAGES) return batchTooLargeResponse(MAX_BATCH_MESSAGES);
  // Every level and every value takes two characters or more, so most bodies are too short to need a look.
  const most = chars / 2;
  if (most > MAX_DEPTH && isDeeperThan(MAX_DEPTH, body)) return tooDeepResponse(MAX_DEPTH, requestIdOf(body));
  if (most > MAX_VALUES && hasMoreValuesThan(MAX_VALUES, body)) {
    return tooManyValuesResponse(MAX_VALUES, requestIdOf(body));
  }
  return undefined;
}

function classify({ method, headers }: Request, body: unknown): Incoming | Response {
  const inbound: InboundHttpRequest = { httpMethod: method, body };
  const version = headers.get('mcp-protocol-version');
  const methodHeader = headers.get('mcp-method');
  const name = headers.get('mcp-name');
  if (version !== null) inbound.protocolVersionHeader = version;
  if (methodHeader !== null) inbound.mcpMethodHeader = methodHeader;
  if (name !== null) inbound.mcpNameHeader = name;
  const outcome = classifyInboundRequest(inbound);
  if (outcome.kind === 'reject') return rejectedResponse(outcome, requestIdOf(body));
  if (outcome.kind === 'modern') return describeIncoming(outcome.message, outcome.classification.revision ?? '');
  // The classifier has checked that it is JSON-RPC, but its type does not say so.
  return describeIncoming(body as JSONRPCMessage | JSONRPCMessage[]);
}
