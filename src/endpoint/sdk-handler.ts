/**
 * Serves requests of 2026-07-28 by the SDK's handler, which serves all of them. It adds what the handler lacks: bounds on
 * streams, a limit on the time of calls, and an answer to every call.
 */
import {
  createMcpHandler,
  type JSONRPCMessage,
  type McpRequestContext,
  type ServerEventBus,
} from '@modelcontextprotocol/server';
import { principalKey } from '../auth/caller.ts';
import type { BuildServer, ServerRequest } from '../context/context.ts';
import { onceATurn } from '../context/once-a-turn.ts';
import { areFewEnough } from '../context/subscriptions.ts';
import { createCallsInFlight, type CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import { asAccepted, isEventStream } from '../protocol/accept.ts';
import {
  cutOffError,
  internalError,
  timedOutError,
  timedOutResponse,
  tooManyStreamsResponse,
  tooManySubscriptionsResponse,
  unavailableResponse,
} from '../protocol/errors.ts';
import { withSingleHeaders } from '../protocol/headers.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { jsonText, parseJson, portableJson } from '../protocol/json.ts';
import type { Logger } from '../telemetry/log.ts';
import { logFailure } from '../telemetry/request-log.ts';
import { boundedResponse, type BoundedResponseOptions } from '../streams/bounded-response.ts';
import { eventText } from '../streams/event-stream.ts';
import { CLIENT_GONE, serverRequestOf, type PostExchange } from '../transport/exchange.ts';
import { prepareServer } from './request-server.ts';
import { cutOffResponse } from './stateless.ts';

/** When to retry if too many subscriptions are open. */
const RETRY_AFTER_SECONDS = 10;
/** The colon that a comment begins with. */
const COMMENT = 0x3a;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Options for {@link createSdkHandler}. */
export interface SdkHandlerOptions {
  /** Builds the server of a request; logs its own failures. */
  buildServer: BuildServer;
  callsInFlight: CallsInFlight;
  clock: Clock;
  lifecycle: Readonly<Lifecycle>;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** How long a call may run without progress before it is cancelled, in milliseconds; 0 for any time. */
  callTimeoutMs: number;
  /** Counts open streams. @default nobody does */
  openStreams?: Pick<CallsInFlight, 'begin'> | undefined;
  /** Maximum number of open streams of `subscriptions/listen`. */
  maxSubscriptions: number;
  /** Maximum number of those of one authenticated principal. */
  maxSubscriptionsPerPrincipal: number;
  /** Where changes are published for clients that listen. */
  changes: ServerEventBus;
  log: Logger;
  /** Receives the errors that the SDK reports but does not answer, and the request they belong to, if it is known. */
  onerror: (error: Error, requestId?: string) => void;
  /** Called with the method of a notification that belongs to no call, so that nobody hears it. */
  onunheard: (method: string) => void;
}

/** The SDK's handler, with these additions. */
export interface SdkHandler {
  /** Answers a call, as the client accepts it. */
  answer(exchange: PostExchange): Promise<Response>;
  /** Opens the stream of `subscriptions/listen`. */
  subscribe(exchange: PostExchange): Promise<Response>;
  /** Cuts off the calls that are still running, and ends every stream. */
  close(): Promise<void>;
}

/** Makes the handler; `close()` ends what it holds. */
export function createSdkHandler(options: SdkHandlerOptions): SdkHandler {
  const { buildServer, keepAliveMs, lifecycle, log } = options;
  /** The calls of the handler, which passes nothing but the request to `createServer`. */
  const handled = new WeakMap<Request, HandledCall>();
  const createHandled = async (context: McpRequestContext) => {
    const call = context.requestInfo && handled.get(context.requestInfo);
    if (!call) throw new Error('The handler has lost the request');
    call.isFailureLogged = true;
    const server = await buildServer(call.needs);
    call.isFailureLogged = false;
    const onerror = (error: Error) => options.onerror(error, call.needs.requestId);
    call.close = () => void server.close().catch(onerror);
    const isOver = () => lifecycle.phase === 'stopped' || context.requestInfo?.signal.aborted === true;
    prepareServer(server, { onerror, isOver, onunheard: options.onunheard, onanswer: call.onanswer });
    return server;
  };
  /** The last error that the handler has reported. It reports one right before it answers 500. */
  let lastError: Error | undefined;
  const bus = onceATurn(options.changes, options.clock, options.onerror);
  const handler = createMcpHandler(createHandled, {
    bus,
    legacy: 'reject',
    keepAliveMs,
    maxSubscriptions: options.maxSubscriptions,
    onerror(error) {
      lastError = error;
      options.onerror(error);
    },
  });

  async function fetchHandler(
    { request: received, incoming, caller: { authInfo } }: PostExchange,
    call: HandledCall,
  ): Promise<Response> {
    const request = withSingleHeaders(received);
    handled.set(request, call);
    const response = await handler.fetch(request, { parsedBody: incoming.messages[0], ...(authInfo && { authInfo }) });
    if (response.status === 500 && !call.isFailureLogged) logFailure(log, lastError, call.needs.requestId);
    return response;
  }

  async function answer(exchange: PostExchange): Promise<Response> {
    const { accepted } = exchange;
    const call = limitedCall(exchange, options);
    const response = await fetchHandler(exchange, call).finally(call.stopTimer);
    if (response.status === 499) return unansweredResponse(exchange, options, call);
    exchange.watch?.responded(response);
    if (!isEventStream(response)) return asAccepted(await portableResponse(response), accepted);
    return asAccepted(streamedAnswer(response, exchange, options, call), accepted);
  }

  async function close(): Promise<void> {
    bus.close();
    await handler.close();
  }

  return { answer, subscribe: createSubscribe(fetchHandler, options), close };
}

/** Makes the function that opens streams of `subscriptions/listen`, so many for each principal. A stop does not wait for them. */
function createSubscribe(
  fetchHandler: (exchange: PostExchange, call: HandledCall) => Promise<Response>,
  { clock, log, openStreams, maxSubscriptions, maxSubscriptionsPerPrincipal: max }: SdkHandlerOptions,
): SdkHandler['subscribe'] {
  const subscriptions = createCallsInFlight();
  return async (exchange) => {
    const { report } = exchange;
    const principal = principalKey(exchange.caller);
    if (!areFewEnough(urisIn(exchange.incoming))) return tooManySubscriptionsResponse(exchange.incoming.id);
    if (subscriptions.countOf(principal) >= max) {
      report.refusal = 'sessions';
      return tooManyStreamsResponse(max, exchange.incoming.id);
    }
    if (subscriptions.count >= maxSubscriptions) {
      log.warn('too many open subscriptions; MCP_MAX_SESSIONS sets the limit', { requestId: report.id });
      return unavailableResponse('Too many open subscriptions', RETRY_AFTER_SECONDS, exchange.incoming.id);
    }
    const onEnd = subscriptions.begin(principal);
    try {
      const response = await fetchHandler(exchange, handledCall(exchange));
      return bounded(response, exchange, { clock, openStreams, onEnd, mapChunk: portableChunk });
    } catch (error) {
      onEnd();
      throw error;
    }
  };
}

/** The resources that a client wants to hear of. The SDK checks the message. */
function urisIn({ requests }: Incoming): Set<string> {
  const { resourceSubscriptions: uris } = (requests[0]?.params?.['notifications'] ?? {}) as Record<string, unknown>;
  return new Set(Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : []);
}

/** Bounds the stream that answers a call, and counts the call until the stream ends. */
function streamedAnswer(
  response: Response,
  exchange: PostExchange,
  { callsInFlight, clock, lifecycle, openStreams }: SdkHandlerOptions,
  call: LimitedCall,
): Response {
  call.startTimer();
  const end = callsInFlight.begin(principalKey(exchange.caller));
  const onEnd = () => {
    call.stopTimer();
    exchange.watch?.ended(CLIENT_GONE);
    end();
  };
  const mapChunk = (chunk: Uint8Array) => {
    if (chunk[0] !== COMMENT) call.startTimer();
    return portableChunk(chunk);
  };
  const lastWords = (lastChunk: Uint8Array | undefined) =>
    isAnswer(lastChunk) ? undefined : unansweredEvent(exchange, lifecycle, call);
  return bounded(response, exchange, { clock, openStreams, onEnd, mapChunk, lastWords });
}

/** Bounds an event stream of the SDK. */
function bounded(response: Response, { accepted, caller }: PostExchange, options: BoundedResponseOptions): Response {
  // A client that reads only JSON gets no stream that could end early.
  const expiresAt = accepted.eventStream ? caller.authInfo?.expiresAt : undefined;
  return boundedResponse(response, { expiresAt, ...options });
}

/** The SDK's JSON as {@link portableJson}. */
async function portableResponse(response: Response): Promise<Response> {
  const { status, headers } = response;
  const text = await response.text();
  return new Response(text === '' ? null : portableJson(text), { status, headers });
}

/** An event of the SDK as {@link portableJson}. It writes each in one chunk, with its JSON in one line. */
function portableChunk(chunk: Uint8Array): Uint8Array {
  const text = decoder.decode(chunk);
  const portable = portableJson(text);
  return portable === text ? chunk : encoder.encode(portable);
}

/** Whether the last event of a stream is the answer to its call. */
function isAnswer(chunk: Uint8Array | undefined): boolean {
  // Not `.`, which does not match U+2028.
  const data = /^data: ?([^\n]*)/m.exec(decoder.decode(chunk))?.[1] ?? '';
  const message = parseJson(data);
  return typeof message === 'object' && message !== null && ('result' in message || 'error' in message);
}

/** A request in the SDK's handler. */
interface HandledCall {
  /** The server it needs. */
  readonly needs: ServerRequest;
  /** Called with its answer. */
  readonly onanswer: (answer: JSONRPCMessage) => void;
  /** Closes its server, once it is built. */
  close?: () => void;
  /** Whether it fails because of `buildServer`, which logs that itself. */
  isFailureLogged?: boolean;
}

/** A call in the SDK's handler, whose server is closed when it runs for too long. */
interface LimitedCall extends HandledCall {
  hasTimedOut: boolean;
  /** Gives it its full time. */
  startTimer: () => void;
  stopTimer: () => void;
}

function handledCall(exchange: PostExchange): HandledCall {
  const { watch, incoming } = exchange;
  const onanswer = (answer: JSONRPCMessage) => void (incoming.id !== null && watch?.answered(incoming.id, answer));
  return { needs: serverRequestOf(exchange), onanswer };
}

function limitedCall(exchange: PostExchange, { callTimeoutMs, clock }: SdkHandlerOptions): LimitedCall {
  let cancel: (() => void) | undefined;
  const call: LimitedCall = {
    hasTimedOut: false,
    startTimer() {
      cancel?.();
      if (callTimeoutMs === 0) return;
      cancel = clock.after(callTimeoutMs, () => {
        call.hasTimedOut = true;
        call.close?.();
      });
    },
    stopTimer: () => cancel?.(),
    ...handledCall(exchange),
  };
  call.startTimer();
  return call;
}

/** The answer to a call that ended without one. */
function unansweredResponse(
  exchange: PostExchange,
  options: SdkHandlerOptions,
  { hasTimedOut }: LimitedCall,
): Response {
  const { incoming, watch } = exchange;
  const { id } = incoming;
  if (!hasTimedOut || id === null) return cutOffResponse(exchange, options);
  watch?.answered(id, timedOutError(id));
  return timedOutResponse(id);
}

/** The same on a stream. */
function unansweredEvent(
  { incoming: { id }, watch }: PostExchange,
  { phase }: Readonly<Lifecycle>,
  { hasTimedOut }: LimitedCall,
): Uint8Array | undefined {
  if (id === null) return undefined;
  const closedError = phase === 'stopped' ? cutOffError(id) : internalError(id);
  const error = hasTimedOut ? timedOutError(id) : closedError;
  watch?.answered(id, error);
  return encoder.encode(eventText(undefined, jsonText(error)));
}
