/**
 * Serves requests of 2026-07-28, each with a server of its own. The SDK's handler answers them, except for plain tool
 * calls: those take a shortcut, if shortcuts are on (`shortcuts/modern-call.ts`).
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
import { cutOffError, internalError, notAcceptableResponse, stoppingResponse } from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { parseJson } from '../protocol/json.ts';
import { createModernCalls } from '../shortcuts/modern-call.ts';
import type { Logger } from '../telemetry/log.ts';
import type { CreateServer } from '../tools.ts';
import { boundedResponse } from '../transport/bounded-response.ts';
import { eventText, keptAlive } from '../transport/event-stream.ts';
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
  /** Where changes are published for clients that listen. @default a new one */
  bus: ServerEventBus | undefined;
  /** Whether to use the shortcuts around the SDK. */
  shortcuts: boolean;
  log: Logger;
  /** Receives the errors that the SDK reports but does not answer. */
  onerror: (error: Error) => void;
}

/** Serves requests of 2026-07-28. */
export interface ModernRequests {
  /** Answers a POST. */
  post(exchange: PostExchange): Promise<Response>;
  /** Cuts off the calls that are still running, and ends every stream. */
  close(): Promise<void>;
}

/** Makes the part of the endpoint that serves 2026-07-28; `close()` ends what it holds. */
export function createModern(options: ModernOptions): ModernRequests {
  const { createServer, callsInFlight, clock, keepAliveMs, lifecycle, log } = options;
  const calls = options.shortcuts ? createModernCalls(options) : undefined;
  /** The tool that a request calls, for `createServer`: the handler passes it nothing but the request. */
  const calledTools = new WeakMap<Request, string | undefined>();
  const createHandled = async (context: McpRequestContext) => {
    const calledTool = context.requestInfo && calledTools.get(context.requestInfo);
    return closingUnanswered(await createServer({ ...context, calledTool }), log);
  };
  const handler = createMcpHandler(createHandled, {
    ...(options.bus && { bus: options.bus }),
    legacy: 'reject',
    keepAliveMs,
    onerror: (error) => log.debug('mcp', { error: error.message }),
  });

  function fetchHandler({ request, incoming, caller: { authInfo } }: PostExchange): Promise<Response> {
    calledTools.set(request, incoming.tool);
    return handler.fetch(request, { parsedBody: incoming.messages[0], ...(authInfo && { authInfo }) });
  }

  /** Bounds an event stream of the SDK, and sees to it that it does not end without an answer. */
  function bounded(response: Response, { incoming, accepted, caller }: PostExchange, onEnd: () => void): Response {
    // A client that reads only JSON gets no stream that could end early.
    const expiresAt = accepted.eventStream ? caller.authInfo?.expiresAt : undefined;
    const lastWords = (lastChunk: Uint8Array | undefined) =>
      isAnswer(lastChunk) ? undefined : unansweredEvent(incoming, lifecycle);
    return boundedResponse(response, { clock, expiresAt, onEnd, lastWords });
  }

  /** The SDK's answer to a call, as the client accepts it. */
  async function answerOf(exchange: PostExchange): Promise<Response> {
    const response = await fetchHandler(exchange);
    if (response.status === 499) return cutOffResponse(exchange, lifecycle);
    return asAccepted(bounded(response, exchange, callsInFlight.begin()), exchange.accepted);
  }

  return {
    async post(exchange) {
      const { incoming, accepted } = exchange;
      if (lifecycle.phase !== 'serving') return stoppingResponse(incoming.id);
      if (incoming.method === 'subscriptions/listen') {
        // A subscription runs until one side ends it. A stop does not wait for it, and it has no answer for a JSON body.
        if (!accepted.eventStream) return notAcceptableResponse('text/event-stream');
        return bounded(await fetchHandler(exchange), exchange, () => {});
      }
      const answer = calls ? await calls.answer(exchange) : 'unserved';
      if (answer !== 'unserved') return answer ?? cutOffResponse(exchange, lifecycle);
      // The server may have stopped in the meantime.
      if (isStopped(lifecycle)) return stoppingResponse(incoming.id);
      const pending = answerOf(exchange);
      if (!accepted.eventStream) return pending;
      const { authInfo } = exchange.caller;
      // The stream is the answer to the POST. The call behind it is counted on its own from then on.
      const onSilence = () => void callsInFlight.track(() => pending).catch(() => {});
      return keptAlive(pending, { clock, keepAliveMs, expiresAt: authInfo?.expiresAt, onSilence });
    },
    close: async () => void (await Promise.all([handler.close(), calls?.close()])),
  };
}

/** Whether the last event of a stream is the answer to its call. */
function isAnswer(chunk: Uint8Array | undefined): boolean {
  const data = /^data: ?(.*)$/m.exec(new TextDecoder().decode(chunk))?.[1] ?? '';
  const message = parseJson(data);
  return typeof message === 'object' && message !== null && ('result' in message || 'error' in message);
}

/** The error that ends the stream of a call without an answer: the server was stopped, or has closed itself. */
function unansweredEvent({ id }: Incoming, { phase }: Readonly<Lifecycle>): Uint8Array | undefined {
  if (id === null) return undefined;
  const error = phase === 'stopped' ? cutOffError(id) : internalError(id);
  return new TextEncoder().encode(eventText(undefined, JSON.stringify(error)));
}

function isStopped({ phase }: Readonly<Lifecycle>): boolean {
  return phase === 'stopped';
}

/**
 * Has `server` close if it cannot send its answer, such as a circular one, or if a handler throws `null`. The SDK reports
 * that error, but leaves the client waiting. Errors are told apart by their text alone, as they have no type.
 *
 * @see https://github.com/modelcontextprotocol/typescript-sdk/pull/2521
 */
function closingUnanswered<Made extends McpServer | Server>(server: Made, log: Logger): Made {
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
