/**
 * Shortcut: answers plain tool calls of 2026-07-28 without the SDK's handler.
 *
 * The SDK's handler tries every message schema before it dispatches, and then closes a server nobody is waiting on. A
 * plain call, whose headers agree with its body, is answered here by the transport that also serves calls without a
 * session. All other requests are left to the handler, and so is a call that the SDK refuses before it reaches the tool.
 * `test/shortcuts/modern-call.test.ts` compares the two.
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
  type MessageExtraInfo,
  type ScopeChallengeHandler,
  type Server,
  type TransportSendOptions,
} from '@modelcontextprotocol/server';
import type { BuildServer } from '../context/context.ts';
import { isEventStream } from '../protocol/accept.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { serverRequestOf, type PostExchange } from '../transport/exchange.ts';
import type { HttpTransport } from '../transport/http-transport.ts';
import { createSingleExchanges, protocolOf, type SingleExchangeOptions } from '../transport/single-exchange.ts';
import { createServerEnder } from './ended-server.ts';

const REVISION = '2026-07-28';
const CLASSIFICATION = { era: 'modern', revision: REVISION } as const;
/** Typed as a number, like the codes in messages. */
const MISSING_CAPABILITY: number = ProtocolErrorCode.MissingRequiredClientCapability;
/** A name that `Mcp-Name` carries unencoded. Calls to other tools are left to the handler. */
const PLAIN_NAME = /^[\w./-]+$/;
/** Whether the properties of a tool's input declare headers. The key is the object, which all servers share. */
const headerDeclarations = new WeakMap<object, boolean>();

/** Options for {@link createModernCalls}. */
export interface ModernCallOptions extends Omit<SingleExchangeOptions, 'endServer' | 'streamAfterMs'> {
  /** Builds the server of a call; logs its own failures. */
  buildServer: BuildServer;
}

/** Answers plain tool calls. */
export interface ModernCalls {
  /** Resolves to `'unserved'` if the request is one for the SDK's handler, and to `undefined` if it was cut off. */
  answer(exchange: PostExchange): Promise<Response | 'unserved' | undefined>;
  /** Cuts off the calls that are still running. */
  close(): Promise<void>;
}

/** Makes the shortcut; `close()` ends what it holds. */
export function createModernCalls(options: ModernCallOptions): ModernCalls {
  // Like the SDK's handler, answer with JSON unless the call sends something before its result, or would be silent for
  // too long.
  const streamAfterMs = options.keepAliveMs === 0 ? Infinity : options.keepAliveMs;
  const endServer = createServerEnder(options.onunheard);
  const exchanges = createSingleExchanges({ ...options, streamAfterMs, endServer });
  return {
    async answer(exchange) {
      if (!isPlainCall(exchange)) return 'unserved';
      const { incoming, report } = exchange;
      let server: McpServer | Server;
      try {
        server = await options.buildServer(serverRequestOf(exchange));
      } catch {
        return internalErrorResponse(incoming.id);
      }
      if (hasHeaderParameters(server, incoming)) {
        await server.close().catch((error: Error) => options.onerror(error, report.id));
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

/** Whether this is a tool call that agrees with its headers ("Server Validation"), from a client that reads JSON and streams. */
function isPlainCall({ headers, incoming, accepted }: PostExchange): boolean {
  const { tool, revision } = incoming;
  if (tool === undefined || revision !== REVISION || !accepted.json || !accepted.eventStream) return false;
  if (headers.method !== 'tools/call' || headers.protocolVersion !== REVISION) return false;
  return headers.name === tool && PLAIN_NAME.test(tool);
}

/** Whether the tool declares parameters that are sent in headers too ("Custom Headers from Tool Parameters"). */
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
 * Connects the server of one call to an {@link HttpTransport}. The SDK serves this revision only on transports of the
 * class that this one extends, and only if the server lists the revision.
 */
export class ModernCallTransport extends PerRequestHTTPServerTransport {
  /** Whether the SDK refused the call before it reached the tool. */
  isRefused = false;
  #lacksCapability = false;
  readonly #transport: HttpTransport;
  #isDelivering = false;

  constructor(server: McpServer | Server, transport: HttpTransport, { requests: [request] }: Incoming) {
    super({ classification: CLASSIFICATION });
    this.#transport = transport;
    const { onerror } = transport;
    const report = (error: Error) => {
      onerror?.(error);
      this.onerror?.(error);
    };
    const close = () => this.onclose?.();
    const deliver = (message: JSONRPCMessage, extra?: MessageExtraInfo) => {
      this.#isDelivering = true;
      try {
        this.onmessage?.(message, { classification: CLASSIFICATION, ...extra });
      } finally {
        this.#isDelivering = false;
      }
    };
    transport.onerror = report;
    transport.onclose = close;
    transport.onmessage = deliver;
    const protocol = protocolOf(server);
    listRevision(protocol);
    // Deprecated, but the SDK supports them in this revision too.
    const { [CLIENT_INFO_META_KEY]: info, [CLIENT_CAPABILITIES_META_KEY]: capabilities } = request?.params?._meta ?? {};
    const getClientVersion = () => info as Implementation | undefined;
    const getClientCapabilities = () => capabilities as ClientCapabilities | undefined;
    protocol.getClientVersion = getClientVersion;
    protocol.getClientCapabilities = getClientCapabilities;
  }

  /** Returns the answer with its status: "For HTTP, the response status code MUST be `400`" (schema, MissingRequiredClientCapabilityError). */
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

/** Makes the server list the revision, as the SDK's handler does. If the SDK renames the field, calls are refused here, and then left to the handler. */
function listRevision(protocol: Server): void {
  const listed: unknown = Reflect.get(protocol, '_supportedProtocolVersions');
  if (!Array.isArray(listed) || listed.includes(REVISION)) return;
  Reflect.set(protocol, '_supportedProtocolVersions', [...listed, REVISION]);
}
