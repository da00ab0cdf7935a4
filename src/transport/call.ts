/** Unanswered calls, and the JSON bodies or streams that their answers go into. */
import { isSpecType, type JSONRPCMessage, type JSONRPCRequest, type RequestId } from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import { Deadlines, type MovableDeadline } from '../lib/deadlines.ts';
import {
  cutOffError,
  duplicateRequestResponse,
  internalError,
  secondInitializeResponse,
  tooManyCallsResponse,
} from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { jsonText } from '../protocol/json.ts';
import type { Stream } from '../streams/streams.ts';
import type { CallWatch } from '../signals/call-watch.ts';
import type { Exchange } from './exchange.ts';

/** The answer to a request; `undefined` if the session ended before there was one. */
export type Answer = Response | undefined;

/** What answers one POST: a JSON body, or a stream. */
export interface CallStream extends Stream {
  /** Its unanswered calls. */
  calls: Set<Call>;
  /** Who makes them. */
  caller: Caller;
  /** Until it is an event stream: the answers so far, the function that responds, and the one that clears the deadline. */
  pending?: { answers: string[]; respond: (response?: Response) => void; unset: () => void } | undefined;
  /** Whether it may become an event stream: the client reads those. */
  canStream?: boolean;
  /** Whether it begins with an event that has an id but no data. */
  isPrimed?: boolean;
  isBatch?: boolean;
  /** Whether the host repeats what the client has said before, so that whatever the server says has been said, too. */
  isRepeated?: boolean;
  /** Hears of the answers. @default nobody does */
  watch?: CallWatch | undefined;
}

/** The stream of a POST: without an id or calls, until it gets them. */
export function callStreamOf({ incoming, request, accepted, caller, watch }: Exchange, isPrimed: boolean): CallStream {
  return {
    id: '',
    calls: new Set(),
    caller,
    canStream: accepted.eventStream,
    isPrimed,
    isBatch: incoming.kind === 'batch',
    isRepeated: request === undefined,
    watch,
    expiresAt: caller.authInfo?.expiresAt,
  };
}

/** A call that is unanswered, or whose answer is on its way. */
export interface Call {
  request: JSONRPCRequest;
  stream: CallStream;
  /** Set by the first answer. Further answers are dropped. */
  isAnswered: boolean;
  /** When it is cancelled for lack of progress. */
  timeout?: MovableDeadline | undefined;
  /** Ends its count among the calls in flight. The count begins with the event stream: until then, the POST is counted. */
  end?: () => void;
}

/** The ids of its unanswered calls. Not by `Array.from`, which takes several times as long, and every event needs them. */
export function idsOf({ calls }: CallStream): RequestId[] {
  const ids: RequestId[] = [];
  for (const { request } of calls) ids.push(request.id);
  return ids;
}

/** Refuses messages because of their number or ids, or because `initialize` is part of a batch. */
export function refuseCalls(
  { kind, requests, id: idOfSingle }: Incoming,
  running: ReadonlyMap<RequestId, unknown>,
  maxCalls = Infinity,
): Response | undefined {
  if (requests.length > 0 && running.size + requests.length > maxCalls) {
    return tooManyCallsResponse('session', maxCalls, idOfSingle);
  }
  const ids = new Set<RequestId>();
  for (const { id, method } of requests) {
    // "MUST NOT be part of a JSON-RPC batch" (2025-03-26, lifecycle).
    if (method === 'initialize' && kind === 'batch') return secondInitializeResponse(null);
    // "MUST NOT have been previously used by the requestor within the same session" (basic, requests).
    if (ids.has(id) || running.has(id)) return duplicateRequestResponse(id);
    ids.add(id);
  }
  return undefined;
}

/** An answer as JSON; an error in its place if JSON cannot express it, such as a circular structure. */
export function answerText(answer: JSONRPCMessage, { request }: Call, onerror?: (error: Error) => void): string {
  try {
    return jsonText(answer);
  } catch (error) {
    onerror?.(errorOf(error));
    return jsonText(internalError(request.id));
  }
}

/** Passes the messages of a POST on to the server; those of a batch, each within its own span. */
export function passOn({ incoming, watch }: Exchange, pass: (message: JSONRPCMessage) => void): void {
  for (const message of incoming.messages) {
    if (watch && incoming.kind === 'batch') watch.deliver(message, () => pass(message));
    else pass(message);
  }
}

/** The JSON body with the answers to a POST: an array if the POST was a batch. */
export function jsonResponse({ isBatch }: CallStream, answers: string[], headers: Record<string, string>): Response {
  const body = isBatch ? `[${answers.join()}]` : answers[0];
  return new Response(body, { headers: { 'content-type': 'application/json', ...headers } });
}

/** "202 Accepted with no body". Without a length, Node.js would send an empty body in chunks. */
export function acceptedResponse(): Response {
  return new Response(null, { status: 202, headers: { 'content-length': '0' } });
}

/** Ends a call whose session has ended: the POST gets no response from here, its stream an error. */
export function cutOff({ request, stream, end, timeout }: Call): void {
  timeout?.callOff();
  const error = cutOffError(request.id);
  if (!stream.pending) stream.watch?.answered(request.id, error);
  stream.pending?.unset();
  stream.pending?.respond();
  // Without an answer, the client would take the stream for broken and resume it. The event has no id: no log holds it.
  stream.connection?.send({ id: undefined, data: jsonText(error) });
  end?.();
}

/** Whatever was thrown, as an `Error`. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The unanswered call that `message` cancels. If the SDK does not accept it as a cancellation, it is not one here either. */
export function cancelledCall(message: JSONRPCMessage, calls: ReadonlyMap<RequestId, Call>): Call | undefined {
  if (!('method' in message) || message.method !== 'notifications/cancelled') return undefined;
  if (!isSpecType.CancelledNotification(message) || message.params.requestId === undefined) return undefined;
  const call = calls.get(message.params.requestId);
  return call?.isAnswered ? undefined : call;
}

/** Drops a notification. A request fails, so that the server does not wait, and later cancel what was never asked. */
export function refuseRepeated(message: JSONRPCMessage): void {
  if ('id' in message) throw new Error('Requests are not repeated while a session is restored');
}

/** Options for {@link createCallDeadlines}. */
export interface CallDeadlinesOptions {
  clock: Clock;
  /** How long a call may take before its answer becomes a stream, in milliseconds; `Infinity` for any time. */
  streamAfterMs: number;
  /** How long a call may run without progress before it is cancelled, in milliseconds; 0 for any time. */
  callTimeoutMs: number;
}

/** The deadlines that all calls of one kind share; `undefined` for never. */
export interface CallDeadlines {
  readonly stream: Deadlines | undefined;
  readonly timeout: Deadlines | undefined;
  /** Stops their timers. */
  close(): void;
}

/** Makes the deadlines. */
export function createCallDeadlines({ clock, streamAfterMs, callTimeoutMs }: CallDeadlinesOptions): CallDeadlines {
  const stream = streamAfterMs === Infinity ? undefined : new Deadlines(streamAfterMs, clock);
  const timeout = callTimeoutMs === 0 ? undefined : new Deadlines(callTimeoutMs, clock);
  return {
    stream,
    timeout,
    close() {
      stream?.close();
      timeout?.close();
    },
  };
}
