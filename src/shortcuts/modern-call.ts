/**
 * Shortcut: tool calls of 2026-07-28 that need no closer look.
 *
 * The SDK's handler serves any modern request. It tries every message schema before it dispatches, and afterwards closes
 * a server nobody is waiting on. A plain call, whose headers say what its body says, is answered here by the transport
 * that also serves calls without a session. Everything else is left to the handler, and so is what the SDK refuses here
 * before a tool has seen it. `test/shortcuts/modern-call.test.ts` compares the two.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  McpServer,
  PerRequestHTTPServerTransport,
  ProtocolErrorCode,
  type ClientCapabilities,
  type Implementation,
  type JSONRPCMessage,
  type ScopeChallengeHandler,
  type Server,
  type TransportSendOptions,
} from '@modelcontextprotocol/server';
import { isEventStream } from '../protocol/accept.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';
import type { CreateServer } from '../tools.ts';
import { contextOf, type PostExchange } from '../transport/exchange.ts';
import type { HttpTransport } from '../transport/http-transport.ts';
import { createSingleExchanges, protocolOf, type SingleExchangeOptions } from '../transport/single-exchange.ts';
import { endAnswered } from './ended-server.ts';

const REVISION = '2026-07-28';
const CLASSIFICATION = { era: 'modern', revision: REVISION } as const;
/** As a number, which the codes in messages are. */
const MISSING_CAPABILITY: number = ProtocolErrorCode.MissingRequiredClientCapability;
/** A name that stands in `Mcp-Name` as it is; others are encoded there, and not worth decoding here. */
const PLAIN_NAME = /^[\w./-]+$/;
/** Whether the properties of a tool's input are sent in headers too; many servers share them. */
const headerDeclarations = new WeakMap<object, boolean>();

/** Options for {@link createModernCalls}. */
export interface ModernCallOptions extends Omit<SingleExchangeOptions, 'endServer' | 'streamAfterMs'> {
  /** Builds the server of a call; logs its own failures. */
  createServer: CreateServer;
}

/** Answers plain tool calls. */
export interface ModernCalls {
  /** Resolves to `'unserved'` when the call is for the SDK's handler, and to `undefined` when it was cut off. */
  answer(exchange: PostExchange): Promise<Response | 'unserved' | undefined>;
  /** Cuts what is still running. */
  close(): Promise<void>;
}

/** Makes what answers them; `close()` ends what it holds. */
export function createModernCalls(options: ModernCallOptions): ModernCalls {
  // Like the SDK's handler: a call is answered with JSON, unless it has something to say before its result.
  const exchanges = createSingleExchanges({ ...options, streamAfterMs: Infinity, endServer: endAnswered });
  return {
    async answer(exchange) {
      if (!isPlainCall(exchange)) return 'unserved';
      const { incoming } = exchange;
      let server: McpServer | Server;
      try {
        server = await options.createServer(contextOf(exchange));
      } catch {
        return internalErrorResponse(incoming.id);
      }
      if (hasHeaderParameters(server, incoming)) {
        await server.close().catch(options.onerror);
        return 'unserved';
      }
      let connected: ModernCallTransport | undefined;
      const response = await exchanges.serve(server, exchange, (transport) => {
        connected = new ModernCallTransport(server, transport, incoming);
        return connected;
      });
      if (connected?.isRefused) return 'unserved';
      return response && connected?.withStatus(response);
    },
    close: () => exchanges.close(),
  };
}

/** Whether a tool call agrees with its headers ("Server Validation"), and its client reads both JSON and streams. */
function isPlainCall({ request: { headers }, incoming, accepted }: PostExchange): boolean {
  const { tool, revision } = incoming;
  if (tool === undefined || revision !== REVISION || !accepted.json || !accepted.eventStream) return false;
  if (headers.get('mcp-method') !== 'tools/call' || headers.get('mcp-protocol-version') !== REVISION) return false;
  return headers.get('mcp-name') === tool && PLAIN_NAME.test(tool);
}

/** Whether the tool wants parameters in headers too ("Custom Headers from Tool Parameters"), which `properties` declare. */
function hasHeaderParameters(server: McpServer | Server, { tool }: Incoming): boolean {
  if (!(server instanceof McpServer) || tool === undefined) return false;
  const properties = server.toolInputSchemaJson(tool)?.['properties'];
  if (typeof properties !== 'object' || properties === null) return false;
  let isDeclared = headerDeclarations.get(properties);
  if (isDeclared === undefined) {
    isDeclared = JSON.stringify(properties).includes('"x-mcp-header"');
    headerDeclarations.set(properties, isDeclared);
  }
  return isDeclared;
}

/**
 * Connects the server of one call. The SDK serves this revision to transports of the class that this one extends, if
 * the server lists the revision; what is sent and received goes through an {@link HttpTransport}.
 */
export class ModernCallTransport extends PerRequestHTTPServerTransport {
  /** Whether the SDK refused the call before the tool had seen it. */
  isRefused = false;
  #lacksCapability = false;
  readonly #transport: HttpTransport;
  #isDelivering = false;

  constructor(server: McpServer | Server, transport: HttpTransport, { requests: [request] }: Incoming) {
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
    const protocol = protocolOf(server);
    listRevision(protocol);
    // Deprecated, but the SDK promises that they answer in this revision too.
    const { [CLIENT_INFO_META_KEY]: info, [CLIENT_CAPABILITIES_META_KEY]: capabilities } = request?.params?._meta ?? {};
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
      if (this.#isDelivering) {
        this.isRefused = true;
        return this.#transport.close();
      }
      this.#lacksCapability = message.error.code === MISSING_CAPABILITY;
    }
    return this.#transport.send(message, options);
  }

  override close(): Promise<void> {
    return this.#transport.close();
  }
}

/** Has the server list the revision, as the SDK's handler does for those it serves. If the SDK renames the field, the call is refused, and then left to the handler. */
function listRevision(protocol: Server): void {
  const listed: unknown = Reflect.get(protocol, '_supportedProtocolVersions');
  if (!Array.isArray(listed) || listed.includes(REVISION)) return;
  Reflect.set(protocol, '_supportedProtocolVersions', [...listed, REVISION]);
}
