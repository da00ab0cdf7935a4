/**
 * The SDK's transport, made exact: every event is sent once and in order, also while a broken stream is
 * being resumed; calls are counted until their answer is out; no stream is left open without a call.
 */
import {
  type HandleRequestOptions,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { CallsInFlight } from '../calls-in-flight.ts';
import {
  cancelledError,
  duplicateRequestResponse,
  internalError,
  sessionNotFoundResponse,
  unknownEventResponse,
} from '../errors.ts';
import { requestIdOf } from '../json.ts';
import { prefixed } from '../streams.ts';
import { createTaskQueue } from '../task-queue.ts';
import type { EventLog } from './event-log.ts';
import { createRequestIds } from './request-ids.ts';

/** How long a client should wait before it comes back for a stream that ended, in milliseconds. */
const RETRY_MS = 1000;
/** The SDK's name for the stream that GET opens. */
const GET_STREAM_ID = '_GET_stream';
/** The revision from which on clients read events without data. */
const PRIMING_SINCE = '2025-11-25';

/** In place of the id of an event that is in no log: such an event is sent without one. */
const NOT_KEPT = '';

/** What {@link SessionTransport} is made from. */
export interface SessionTransportOptions {
  sessionId: string;
  eventLog: EventLog;
  callsInFlight: CallsInFlight;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** Called with a call and before its result is sent, which waits for it. */
  beforeResult: (request: JSONRPCRequest) => Promise<void>;
}

/** The transport of one session. */
export class SessionTransport extends WebStandardStreamableHTTPServerTransport {
  readonly #sessionId: string;
  readonly #eventLog: EventLog;
  readonly #beforeResult: SessionTransportOptions['beforeResult'];
  readonly #running = new Map<RequestId, { request: JSONRPCRequest; end: () => void }>();
  /** Ids of calls that the SDK has not taken yet. */
  readonly #arriving = new Set<RequestId>();
  /** Messages go out, and streams are resumed, one at a time: an event is then either replayed or sent live. */
  readonly #inOrder = createTaskQueue();
  readonly #requestIds = createRequestIds();
  #closed = false;
  /** Set when an event could not be logged: what came before must go too, lest somebody resume across the gap. */
  #hasGap = false;
  /** While true, what passes is part of no stream that a client has: it is not logged. */
  muted = false;

  constructor({ sessionId, eventLog, callsInFlight, keepAliveMs, beforeResult }: SessionTransportOptions) {
    super({
      sessionIdGenerator: () => sessionId,
      retryInterval: RETRY_MS,
      keepAliveMs,
      eventStore: {
        // The SDK primes a stream with an event that is no message.
        storeEvent: (streamId, message) => this.#keep(streamId, 'jsonrpc' in message ? message : undefined),
        replayEventsAfter: async (lastEventId, { send }) => {
          const missed = await eventLog.after(sessionId, lastEventId);
          if (!missed) throw new Error('The event was forgotten while its stream was being resumed');
          for (const { id, message } of missed.events) if (message) await send(id, message);
          return missed.streamId;
        },
      },
    });
    this.#sessionId = sessionId;
    this.#eventLog = eventLog;
    this.#beforeResult = beforeResult;
    // Connecting keeps this and puts the server's own handler behind it.
    this.onmessage = (message) => {
      if (this.#closed) return;
      // The SDK has checked it by now: what has a method and an id is a request.
      if (!('method' in message)) return;
      if ('id' in message) {
        this.#running.set(message.id, { request: message, end: callsInFlight.begin() });
      } else if (message.method === 'notifications/cancelled') {
        void this.#inOrder(() => this.#answerCancelled(message.params?.['requestId'] as RequestId));
      }
    };
  }

  /** Calls that have no answer yet, whether or not anybody still listens for it. */
  get running(): number {
    return this.#running.size;
  }

  override async handleRequest(request: Request, options: HandleRequestOptions = {}): Promise<Response> {
    if (request.method === 'GET') return this.#inOrder(() => this.#openStream(request, options));
    const ids = new Set<RequestId>();
    for (const message of [options.parsedBody].flat()) {
      const id = requestIdOf(message);
      if (id === null) continue;
      if (ids.has(id) || this.#arriving.has(id) || this.#running.has(id)) return duplicateRequestResponse(id);
      ids.add(id);
    }
    for (const id of ids) this.#arriving.add(id);
    try {
      const parsedBody = this.#requestIds.unmark(options.parsedBody);
      const response = await super.handleRequest(request, { ...options, parsedBody });
      if (!this.#closed) return response;
      // The session ended meanwhile. The SDK may have opened a stream after that, which nothing else would end;
      // what it stumbled over instead is nobody's business.
      for (const id of ids) this.closeSSEStream(id);
      return response.ok ? response : sessionNotFoundResponse(requestIdOf(parsedBody));
    } finally {
      for (const id of ids) this.#arriving.delete(id);
    }
  }

  override send(message: JSONRPCMessage, related?: { relatedRequestId?: RequestId }): Promise<void> {
    return this.#inOrder(() => this.#send(message, related));
  }

  override async close(): Promise<void> {
    this.#closed = true;
    await super.close();
    for (const requestId of this.#running.keys()) this.#end(requestId);
    await this.#forgetBeforeGap().catch((error: unknown) => this.onerror?.(asError(error)));
  }

  async #send(message: JSONRPCMessage, related?: { relatedRequestId?: RequestId }): Promise<void> {
    const isResult = 'result' in message;
    const call = isResult || 'error' in message ? this.#running.get(message.id ?? '') : undefined;
    try {
      const answer = call && isResult ? await this.#confirmed(message, call.request) : message;
      await super.send(this.#requestIds.mark(answer), related);
    } finally {
      if (call) this.#end(call.request.id);
    }
  }

  /** A result, or an error in its place when what it confirms could not be saved. */
  async #confirmed(result: JSONRPCMessage, request: JSONRPCRequest): Promise<JSONRPCMessage> {
    try {
      await this.#beforeResult(request);
      return result;
    } catch (error) {
      this.onerror?.(asError(error));
      return internalError(request.id);
    }
  }

  #end(requestId: RequestId): void {
    this.#running.get(requestId)?.end();
    this.#running.delete(requestId);
  }

  /**
   * The server stays silent on a cancelled call, as the specification asks. Its stream has to end all the
   * same, and a client takes one that ends without an answer for broken, and comes back for it for ever.
   */
  async #answerCancelled(requestId: RequestId): Promise<void> {
    if (!this.#running.has(requestId)) return;
    await this.#send(cancelledError(requestId));
  }

  /** Logs an event; none of a repeated handshake, and none after the end, when nobody would come for it. */
  async #keep(streamId: string, message: JSONRPCMessage | undefined): Promise<string> {
    if (this.muted || this.#closed) return NOT_KEPT;
    try {
      await this.#forgetBeforeGap();
      return await this.#eventLog.append(this.#sessionId, streamId, message);
    } catch (error) {
      this.#hasGap = true;
      this.onerror?.(asError(error));
      return NOT_KEPT;
    }
  }

  async #forgetBeforeGap(): Promise<void> {
    if (this.#hasGap) await this.#eventLog.delete(this.#sessionId);
    this.#hasGap = false;
  }

  async #holds(eventId: string): Promise<boolean> {
    return !this.#hasGap && (await this.#eventLog.after(this.#sessionId, eventId)) !== undefined;
  }

  async #openStream(request: Request, options: HandleRequestOptions): Promise<Response> {
    const lastEventId = request.headers.get('last-event-id');
    if (lastEventId !== null && !(await this.#holds(lastEventId))) return unknownEventResponse();
    const response = await super.handleRequest(request, options);
    const version = request.headers.get('mcp-protocol-version') ?? '';
    if (!response.ok || lastEventId !== null || version < PRIMING_SINCE) return response;
    // The SDK primes the streams of POST only. Without an id from the start, what is sent between a break
    // before the first event and the next GET would be lost. The header is what the SDK goes by, too.
    const eventId = await this.#keep(GET_STREAM_ID, undefined);
    if (eventId === NOT_KEPT) return response;
    return prefixed(response, `id: ${eventId}\nretry: ${RETRY_MS}\ndata: \n\n`);
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
