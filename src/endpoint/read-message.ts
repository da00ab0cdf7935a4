/**
 * Turns the bytes of a POST into an {@link Incoming}, or refuses them: checks media type, size, nesting, JSON and number
 * of values, and then has the SDK check JSON-RPC and tell the era (`classifyInboundRequest`).
 *
 * Nesting and the number of objects and keys are limited before the text is parsed, all else before anything recursive or
 * quadratic sees the body.
 */
import {
  classifyInboundRequest,
  isJsonContentType,
  type InboundHttpRequest,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';
import {
  batchTooLargeResponse,
  bodyTooLargeResponse,
  parseErrorResponse,
  rejectedResponse,
  tooDeepResponse,
  tooLongIdResponse,
  tooManyPartsResponse,
  tooManyValuesResponse,
  unsupportedCharsetResponse,
  unsupportedEncodingResponse,
  unsupportedMediaTypeResponse,
} from '../protocol/errors.ts';
import { singleValue, type McpHeaders } from '../protocol/headers.ts';
import { describeIncoming, type Incoming } from '../protocol/incoming.ts';
import { excessOf, hasLongerIdsThan, hasMoreValuesThan, parseJson, requestIdOf } from '../protocol/json.ts';

/** The SDK's limit. It is applied here because the SDK checks every message of a batch before it counts them. */
const MAX_BATCH_MESSAGES = 100;
const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Deepest nesting of arrays and objects. Recursion overflows the stack at some thousand levels. */
const MAX_DEPTH = 200;
/** Most objects, arrays and keys in a body. Tools check each in their input; 280,000 keys took half a second. */
const MAX_PARTS = 50_000;
/** Up to this many characters, a text is parsed even if it exceeds these limits, so that its refusal names its id. */
const MAX_PARSED_CHARS = 128 * 1024;
/** Longest id and progress token. They come back with every answer and every progress notification. */
const MAX_ID_CHARS = 1024;
/** Most values in a body, not counting the input of tools and prompts. The SDK checks each several times, some pairwise. */
const MAX_VALUES = 2000;

/** Resolves to a body, or to `undefined` if it is larger than `maxBytes`. Rejects if the client leaves before its end. */
export type ReadBody = (maxBytes: number) => Promise<Uint8Array | undefined>;

/**
 * Reads a POST.
 *
 * @param mcpHeaders - The headers of `request` that its body must agree with.
 * @param maxBytes - Largest body, in bytes.
 * @param readBody - Reads the body of `request`.
 * @returns The message or batch; or the response that refuses it, with status 400, 413 or 415.
 */
export async function readMessage(
  request: Request,
  mcpHeaders: McpHeaders,
  maxBytes: number,
  readBody: ReadBody,
): Promise<Incoming | Response> {
  const refusal = refuseMediaType(request.headers);
  if (refusal) return refusal;
  // HTTP guarantees that a body has its declared length, so one that is declared too large need not be read.
  if (Number(request.headers.get('content-length')) > maxBytes) return bodyTooLargeResponse(maxBytes);
  // If the client leaves before the body is complete, nobody reads the response.
  const bytes = await readBody(maxBytes).catch(() => new Uint8Array());
  if (bytes === undefined) return bodyTooLargeResponse(maxBytes);
  const parsed = parseMessages(bytes);
  return parsed instanceof Response ? parsed : classify(mcpHeaders, parsed.body);
}

/** Parses bytes that should be a message or a batch, within all limits; or returns the response that refuses them. */
export function parseMessages(bytes: Uint8Array): { body: unknown } | Response {
  let text;
  try {
    text = utf8.decode(bytes);
  } catch {
    // RFC 8259 section 8.1.
    return parseErrorResponse();
  }
  // A level takes two characters at least, so most bodies are too short to exceed a limit.
  const excess = text.length / 2 > MAX_DEPTH ? excessOf(text, MAX_DEPTH, MAX_PARTS) : undefined;
  const body = excess && text.length > MAX_PARSED_CHARS ? null : parseJson(text);
  if (body === undefined) return parseErrorResponse();
  if (excess === 'depth') return tooDeepResponse(MAX_DEPTH, requestIdOf(body));
  if (excess === 'parts') return tooManyPartsResponse(MAX_PARTS, requestIdOf(body));
  return refuseSize(body, text.length) ?? { body };
}

/** Answers 415 to a body that is not JSON, not in UTF-8 (RFC 8259 section 8.1), or compressed. */
function refuseMediaType(headers: Headers): Response | undefined {
  const type = singleValue(headers.get('content-type'));
  if (!isJsonContentType(type)) return unsupportedMediaTypeResponse();
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type ?? '')?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) return unsupportedCharsetResponse();
  const encoding = headers.get('content-encoding')?.trim() ?? '';
  return encoding === '' || /^identity$/i.test(encoding) ? undefined : unsupportedEncodingResponse();
}

/** Reads a body on every runtime. Bytes are counted only if no length is declared. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  if (/^\d+$/.test(request.headers.get('content-length') ?? '')) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function refuseSize(body: unknown, chars: number): Response | undefined {
  if (Array.isArray(body) && body.length > MAX_BATCH_MESSAGES) return batchTooLargeResponse(MAX_BATCH_MESSAGES);
  // Every value takes at least two characters.
  if (chars / 2 > MAX_VALUES && hasMoreValuesThan(MAX_VALUES, body)) {
    return tooManyValuesResponse(MAX_VALUES, requestIdOf(body));
  }
  if (chars > MAX_ID_CHARS && hasLongerIdsThan(MAX_ID_CHARS, body)) return tooLongIdResponse(MAX_ID_CHARS);
  return undefined;
}

function classify({ protocolVersion, method, name }: McpHeaders, body: unknown): Incoming | Response {
  const inbound: InboundHttpRequest = { httpMethod: 'POST', body };
  if (protocolVersion !== null) inbound.protocolVersionHeader = protocolVersion;
  if (method !== null) inbound.mcpMethodHeader = method;
  if (name !== null) inbound.mcpNameHeader = name;
  const outcome = classifyInboundRequest(inbound);
  if (outcome.kind === 'reject') return rejectedResponse(outcome, requestIdOf(body));
  if (outcome.kind === 'modern') return describeIncoming(outcome.message, outcome.classification.revision ?? '');
  // The classifier has checked that this is JSON-RPC, but its result does not carry the type.
  return describeIncoming(body as JSONRPCMessage | JSONRPCMessage[]);
}
