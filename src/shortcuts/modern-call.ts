/**
 * Tool calls of the 2026-07-28 revision that need no closer look.
 *
 * The SDK's handler serves any modern request. Before it serves one, it parses the message as each of the kinds that
 * it is not, and afterwards it closes a server that nothing waits for. What plainly is a call, and says in its headers
 * what it says in its body, goes the way of a call without a session (`sessionless.ts`). All else is for the handler,
 * to serve or to refuse, and so is what the SDK refuses here before a tool has seen it. `test/shortcuts/modern-call.test.ts`
 * compares the two.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  isJSONRPCRequest,
  McpServer,
  PerRequestHTTPServerTransport,
  PROTOCOL_VERSION_META_KEY,
  ProtocolErrorCode,
  type ClientCapabilities,
  type Implementation,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type ScopeChallengeHandler,
  type Server,
  type TransportSendOptions,
} from '@modelcontextprotocol/server';
import { isEventStream, type Accepted } from '../protocol/accept.ts';
import { toolInHeaders } from '../protocol/called-tool.ts';
import type { SessionTransport } from '../transport/http-transport.ts';

const REVISION = '2026-07-28';
/** As numbers, which codes are in a message. */
const MISSING_CAPABILITY: number = ProtocolErrorCode.MissingRequiredClientCapability;
const UNSUPPORTED_REVISION: number = ProtocolErrorCode.UnsupportedProtocolVersion;
const CLASSIFICATION = { era: 'modern', revision: REVISION } as const;
/** Whether the properties of a tool's input are sent in headers too; many servers share them. */
const headerDeclarations = new WeakMap<object, boolean>();

/** Whether a parsed body is a tool call that its headers agree with ("Server Validation"), of a client that reads JSON and streams. */
export function isPlainCall(request: Request, body: unknown, accepted: Accepted): body is JSONRPCRequest {
  const name = toolInHeaders(request);
  if (name === undefined || !accepted.json || !accepted.eventStream) return false;
  if (request.headers.get('mcp-protocol-version') !== REVISION || !isJSONRPCRequest(body)) return false;
  const { method, params } = body;
  return method === 'tools/call' && params?.['name'] === name && params._meta?.[PROTOCOL_VERSION_META_KEY] === REVISION;
}

/** Whether the tool wants parameters in headers too ("Custom Headers from Tool Parameters"), which `properties` declare. */
export function hasHeaderParameters(server: McpServer | Server, { params }: JSONRPCRequest): boolean {
  if (!(server instanceof McpServer)) return false;
  const properties = server.toolInputSchemaJson(String(params?.['name']))?.['properties'];
  if (typeof properties !== 'object' || properties === null) return false;
  let isDeclared = headerDeclarations.get(properties);
  if (isDeclared === undefined) {
    isDeclared = JSON.stringify(properties).includes('"x-mcp-header"');
    headerDeclarations.set(properties, isDeclared);
  }
  return isDeclared;
}

/** The server below an `McpServer`. */
export function protocolOf(server: McpServer | Server): Server {
  return server instanceof McpServer ? server.server : server;
}

/**
 * Connects the server of one call. The SDK serves this revision to transports of the class that this one extends, if
 * the `supportedProtocolVersions` of the server list it; what is sent and received goes through a {@link SessionTransport}.
 */
export class ModernCallTransport extends PerRequestHTTPServerTransport {
  /** Whether the SDK refused the call before the tool had seen it. */
  isRefused = false;
  /** Whether it did because the server does not list the revision. */
  isUnlisted = false;
  #lacksCapability = false;
  readonly #transport: SessionTransport;
  #isDelivering = false;

  constructor(server: McpServer | Server, transport: SessionTransport, { params }: JSONRPCRequest) {
    super({ classification: CLASSIFICATION });
    this.#transport = transport;
    const { onerror } = transport;
    transport.onerror = (error) => {
      onerror?.(error);
      this.onerror?.(error);
    };
    transport.onclose = () => this.onclose?.();
    transport.onmessage = (message, extra) => {
      this.#isDelivering = true;
      try {
        this.onmessage?.(message, { ...extra, classification: CLASSIFICATION });
      } finally {
        this.#isDelivering = false;
      }
    };
    // Deprecated, but the SDK promises that they answer in this revision too.
    const { [CLIENT_INFO_META_KEY]: info, [CLIENT_CAPABILITIES_META_KEY]: capabilities } = params?._meta ?? {};
    const protocol = protocolOf(server);
    protocol.getClientVersion = () => info as Implementation | undefined;
    protocol.getClientCapabilities = () => capabilities as ClientCapabilities | undefined;
  }

  /** The answer with its status: "For HTTP, the response status code MUST be `400`" (schema, MissingRequiredClientCapabilityError). */
  withStatus(response: Response): Response {
    if (!this.#lacksCapability || isEventStream(response)) return response;
    return new Response(response.body, { status: 400, headers: response.headers });
  }

  override async start(): Promise<void> {}

  setScopeChallengeResolver = (resolver: ScopeChallengeHandler) => this.#transport.setScopeChallengeResolver(resolver);

  override async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if ('error' in message) {
      if (this.#isDelivering) return this.#refuse(message.error.code);
      this.#lacksCapability = message.error.code === MISSING_CAPABILITY;
    }
    return this.#transport.send(message, options);
  }

  override close(): Promise<void> {
    return this.#transport.close();
  }

  #refuse(code: number): Promise<void> {
    this.isRefused = true;
    this.isUnlisted = code === UNSUPPORTED_REVISION;
    return this.#transport.close();
  }
}
