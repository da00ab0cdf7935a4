/** The requests of a client, as bytes: the same for every contender of an era. */

/** The protocol of a contender; `floor` speaks no MCP, and gets what a client without a session would send. */
export type Era = 'session' | 'stateless' | 'modern' | 'floor';

/** A tool call, without its id. */
export interface Call {
  tool: string;
  args: Record<string, unknown>;
  /** Asks for progress, under the call's id. */
  wantsProgress?: boolean;
}

/** What a client knows after its handshake. */
export interface Client {
  port: number;
  era: Era;
  sessionId?: string | undefined;
  /** The revision agreed on. @default the newest of the era */
  version?: string | undefined;
  /** Its bearer token. @default none */
  token?: string;
}

export const LEGACY_VERSION = '2025-11-25';
export const MODERN_VERSION = '2026-07-28';

/** The first id of a call. All ids have the same number of digits, so that the bytes of a request can be reused. */
export const FIRST_ID = 10_000_000;
const ID_DIGITS = String(FIRST_ID).length;
const DIGIT_ZERO = 48;

const clientInfo = { name: 'bench', version: '1.0.0' };
const META_PREFIX = 'io.modelcontextprotocol/';

/** The bytes of a request. `body` is left out for GET and DELETE. */
export function httpRequest(
  method: 'POST' | 'GET' | 'DELETE',
  { port, era, sessionId, version, token }: Client,
  headers: Record<string, string>,
  body?: string,
): Buffer {
  const all: Record<string, string> = {
    Host: `127.0.0.1:${port}`,
    Connection: 'keep-alive',
    Accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
    ...(body !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
    }),
    ...(era === 'modern' && { 'MCP-Protocol-Version': MODERN_VERSION }),
    ...(era !== 'modern' && version !== undefined && { 'MCP-Protocol-Version': version }),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(sessionId !== undefined && { 'Mcp-Session-Id': sessionId }),
    ...headers,
  };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} /mcp HTTP/1.1\r\n${head.join('')}\r\n${body ?? ''}`);
}

/** A message of `client`: a request when it has an id, otherwise a notification. */
export function messageRequest(
  client: Client,
  message: { id?: number; method: string; params?: Record<string, unknown> },
): Buffer {
  const { method, params } = message;
  const headers: Record<string, string> =
    client.era === 'modern'
      ? { 'Mcp-Method': method, ...(typeof params?.['name'] === 'string' && { 'Mcp-Name': params['name'] }) }
      : {};
  const envelope = client.era === 'modern' ? modernMeta() : {};
  const known = params?.['_meta'] as object | undefined;
  const meta = { ...envelope, ...known };
  const all = Object.keys(meta).length > 0 ? { ...params, _meta: meta } : params;
  return httpRequest('POST', client, headers, JSON.stringify({ jsonrpc: '2.0', ...message, params: all }));
}

function modernMeta(): Record<string, unknown> {
  return {
    [`${META_PREFIX}protocolVersion`]: MODERN_VERSION,
    [`${META_PREFIX}clientInfo`]: clientInfo,
    [`${META_PREFIX}clientCapabilities`]: {},
  };
}

/** `initialize`, with which a client of the 2025 revisions begins. */
export function initializeRequest(client: Client): Buffer {
  const params = { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo };
  return messageRequest(client, { id: FIRST_ID, method: 'initialize', params });
}

/**
 * Makes the bytes of a call under any id. They share one buffer, so use them before the next call.
 */
export function createCallRequest(client: Client, { tool, args, wantsProgress }: Call): (id: number) => Buffer {
  const params = { name: tool, arguments: args, ...(wantsProgress && { _meta: { progressToken: FIRST_ID } }) };
  const bytes = messageRequest(client, { id: FIRST_ID, method: 'tools/call', params });
  const places = [bytes.indexOf(`"id":${FIRST_ID}`) + '"id":'.length];
  const token = bytes.indexOf(`"progressToken":${FIRST_ID}`);
  if (token !== -1) places.push(token + '"progressToken":'.length);
  return (id) => {
    for (const place of places) writeId(bytes, place, id);
    return bytes;
  };
}

function writeId(bytes: Buffer, place: number, id: number): void {
  let rest = id;
  for (let digit = ID_DIGITS - 1; digit >= 0; digit -= 1) {
    bytes[place + digit] = DIGIT_ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
