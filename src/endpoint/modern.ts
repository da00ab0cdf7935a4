/**
 * Requests of 2026-07-28, each with a server of its own: by the SDK's handler, except for plain tool calls, which a
 * shortcut answers while shortcuts are on (`shortcuts/modern-call.ts`).
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
import {
  createMcpHandler,
  type McpRequestContext,
  type McpServer,
  type Server,
  type ServerEventBus,
} from '@modelcontextprotocol/server';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { asAccepted } from '../protocol/accept.ts';
import { notAcceptableResponse, stoppingResponse } from '../protocol/errors.ts';
import { createModernCalls } from '../shortcuts/modern-call.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';
import { boundedResponse } from '../transport/bounded-response.ts';
import type { PostExchange } from '../transport/exchange.ts';
import { protocolOf } from '../transport/single-exchange.ts';
import { cutOffResponse } from './stateless.ts';

/** Options for {@link createModern}. */
export interface ModernOptions {
  /** Builds the server of a request; logs its own failures. */
  createServer: CreateServer;
  callsInFlight: CallsInFlight;
  clock: Clock;
  lifecycle: Readonly<Lifecycle>;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** Where changes are published for clients that listen. @default one of its own */
  bus: ServerEventBus | undefined;
  /** Whether the shortcuts around the SDK are used. */
  shortcuts: boolean;
  log: Logger;
  /** Takes what the SDK reports beside its answers. */
  onerror: (error: Error) => void;
}

/** Serves the requests of this revision. */
export interface ModernRequests {
  /** Answers a POST. */
  post(exchange: PostExchange): Promise<Response>;
  /** Cuts what is still running, and ends every stream. */
  close(): Promise<void>;
}

/** Makes what serves them; `close()` ends what it holds. */
export function createModern(options: ModernOptions): ModernRequests {
  const { createServer, callsInFlight, clock, lifecycle, log } = options;
  const calls = options.shortcuts ? createModernCalls(options) : undefined;
  /** Which tool a request calls, for the handler's own way to `createServer`. */
  const calledTools = new WeakMap<Request, string | undefined>();
  const createHandled = async (context: McpRequestContext) => {
    const calledTool = context.requestInfo && calledTools.get(context.requestInfo);
    return closingUnsent(await createServer({ ...context, calledTool }), log);
  };
  const handler = createMcpHandler(createHandled, {
    ...(options.bus && { bus: options.bus }),
    legacy: 'reject',
    keepAliveMs: options.keepAliveMs,
    onerror: (error) => log.debug('mcp', { error: error.message }),
  });

  function fetchHandler({ request, incoming, caller: { authInfo } }: PostExchange): Promise<Response> {
    calledTools.set(request, incoming.tool);
    return handler.fetch(request, { parsedBody: incoming.messages[0], ...(authInfo && { authInfo }) });
  }

  function bounded(response: Response, { accepted, caller }: PostExchange, onEnd: () => void): Response {
    // A client that reads JSON only gets no stream that could end early.
    const expiresAt = accepted.eventStream ? caller.authInfo?.expiresAt : undefined;
    return boundedResponse(response, { clock, expiresAt, onEnd });
  }

  return {
    async post(exchange) {
      const { incoming, accepted } = exchange;
      if (lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
      if (incoming.method === 'subscriptions/listen') {
        // It ends when one side wants it to: there is nothing to wait for, and nothing to put into one JSON body.
        if (!accepted.eventStream) return notAcceptableResponse('text/event-stream');
        return bounded(await fetchHandler(exchange), exchange, () => {});
      }
      const answer = calls ? await calls.answer(exchange) : 'unserved';
      if (answer !== 'unserved') return answer ?? cutOffResponse(exchange, lifecycle);
      // That may have taken until the end.
      if (isStopped(lifecycle)) return stoppingResponse(incoming.id);
      const response = await fetchHandler(exchange);
      if (response.status === 499) return cutOffResponse(exchange, lifecycle);
      return asAccepted(bounded(response, exchange, callsInFlight.begin()), accepted);
    },
    async close() {
      await Promise.all([handler.close(), calls?.close()]);
    },
  };
}

function isStopped({ phase }: Readonly<Lifecycle>): boolean {
  return phase === 'stopped';
}

/** Has `server` close when it cannot send its answer, such as one with a circle: the SDK reports that, and leaves the client waiting. */
function closingUnsent<Made extends McpServer | Server>(server: Made, log: Logger): Made {
  const protocol = protocolOf(server);
  const { onerror } = protocol;
  const close = async (error: Error) => {
    log.debug('mcp', { error: error.message });
    try {
      await protocol.close();
    } catch (failure) {
      log.debug('mcp', { error: String(failure) });
    }
  };
  protocol.onerror = (error) => {
    onerror?.(error);
    if (error.message.startsWith('Failed to send response')) void close(error);
  };
  return server;
}
