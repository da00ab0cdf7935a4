/**
 * Streamable HTTP of the 2025 revisions for one session, behind the SDK's `Transport` interface.
 *
 * A call that is answered at once gets one JSON body. A call that has more to say, or takes longer, gets an event
 * stream that can be resumed (`streams.ts`). Messages that belong to no call go to the stream that GET opens.
 *
 * The SDK's own transport opens a stream for every call, which costs more than the call. `sessions/` decides who may
 * use the session, and for how long.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  MessageExtraInfo,
  RequestId,
  ScopeChallengeHandler,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/server';
import { principalKey } from '../auth/caller.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import { thenOf } from '../lib/task-queue.ts';
import { cancelledError, cutOffError, internalError, timedOutError } from '../protocol/errors.ts';
import { jsonText } from '../protocol/json.ts';
import { addresseeOf, type Addressee } from './addressee.ts';
import {
  acceptedResponse,
  answerText,
  callStreamOf,
  cancelledCall,
  cutOff,
  errorOf,
  idsOf,
  jsonResponse,
  passOn,
  refuseRepeated,
  type Answer,
  type Call,
  type CallStream,
} from './call.ts';
import { Calls, type CallsOptions } from './calls.ts';
import { readsPriming, type Exchange, type McpRequest } from './exchange.ts';
import { createRequestIds } from './request-ids.ts';
import { scopeChallenge } from './scope-challenge.ts';
import { Streams, type StreamsOptions } from '../streams/streams.ts';

/** Options for {@link HttpTransport}. */
export interface HttpTransportOptions extends StreamsOptions, CallsOptions {
  /** `undefined` without sessions: the transport then serves one POST. */
  sessionId?: string;
  callsInFlight: CallsInFlight;
  /**
   * Returns what saves the change that a call makes to the session. It runs before the result is sent, and resolves to
   * `false` if it failed. @default no call makes any change
   *
   * @param isRepeated - Whether the host makes the call, since the client has made it before.
   */
  savingOf?: (request: JSONRPCRequest, isRepeated: boolean) => (() => Promise<boolean>) | undefined;
  /** Called when a stream has lost its connection, and when a call has ended whose connection was lost before. */
  ondetach: () => void;
  /** Called with the method of what the server says on its own, and the call it belongs to, if any. @default nothing */
  onsay?: (method: string, call: RequestId | undefined) => void;
}

/** The transport of one session. */
export class HttpTransport implements Transport {
  onclose: Transport['onclose'];
  onerror: Transport['onerror'];
  onmessage: Transport['onmessage'];
  readonly sessionId: string | undefined;
  /** Whether the server has made a request and may be waiting for its answer. */
  hasAsked = false;
  /** While true, the host repeats what the client has said, and whatever the server says on its own has been said before. */
  isRestoring = false;
  readonly #options: HttpTransportOptions;
  readonly #headers: Record<string, string>;
  readonly #calls: Calls;
  /** Its streams. The host, too, may send on that of GET. */
  readonly streams: Streams;
  readonly #requestIds = createRequestIds();
  #scopeChallengeResolver: ScopeChallengeHandler = () => undefined;
  #isClosed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
    this.#headers = options.sessionId === undefined ? {} : { 'mcp-session-id': options.sessionId };
    this.streams = new Streams(options, this.#headers);
    const onstream = (stream: CallStream) => this.#open(stream);
    const ontimeout = (call: Call) => this.#cancel(call, timedOutError(call.request.id));
    this.#calls = new Calls(options, onstream, ontimeout);
  }

  /** Whether a stream is connected, a call is unanswered, even if nobody is listening for the answer any more, or the log has a gap. */
  get isAttached(): boolean {
    return this.#calls.running.size > 0 || this.streams.isConnected || this.streams.hasGap;
  }

  /** Whether a call is unanswered. */
  get isCalling(): boolean {
    return this.#calls.running.size > 0;
  }

  async start(): Promise<void> {}

  /** Takes the function that tells which scopes a call needs. An `McpServer` passes it when it connects. */
  setScopeChallengeResolver = (resolver: ScopeChallengeHandler) => void (this.#scopeChallengeResolver = resolver);

  /** Answers a POST ("Sending Messages to the Server"). */
  answer(exchange: Exchange): Answer | Promise<Answer> {
    const { incoming, caller, request } = exchange;
    if (this.#isClosed) return undefined;
    const refuse = () => this.#calls.refuse(incoming, request === undefined);
    const refusal = refuse();
    if (refusal) return refusal;
    const challenged = scopeChallenge(incoming.requests, caller.authInfo, this.#scopeChallengeResolver);
    if (!challenged) return this.#take(exchange);
    return challenged.then((challenge) => {
      if (challenge || this.#isClosed) return challenge;
      // Another call may have taken the id in the meantime.
      return refuse() ?? this.#take(exchange);
    });
  }

  /** Opens the stream of GET, or resumes a stream ("Listening for Messages from the Server", "Resumability and Redelivery"). */
  async openStream({ request, headers, caller }: McpRequest): Promise<Answer> {
    const lastEventId = request.headers.get('last-event-id');
    const expiresAt = caller.authInfo?.expiresAt;
    if (lastEventId !== null) return this.streams.resume(lastEventId, expiresAt);
    return this.streams.openGet(expiresAt, readsPriming(headers));
  }

  async send(message: JSONRPCMessage, related: TransportSendOptions = {}): Promise<void> {
    const isAnswer = !('method' in message);
    const requestId = isAnswer ? message.id : related.relatedRequestId;
    const call = requestId === undefined ? undefined : this.#calls.running.get(requestId);
    if (!isAnswer && this.isRestoring && (!call || call.stream.isRepeated)) return refuseRepeated(message);
    if (!isAnswer) this.#options.onsay?.(message.method, requestId);
    // "The server MAY send JSON-RPC requests and notifications on the stream" of GET, but no answers.
    if (requestId === undefined) return isAnswer ? undefined : this.streams.sayOnGet(this.#textOf(message));
    const isOver = !call || call.isAnswered;
    if (isAnswer) return isOver ? undefined : this.#settle(call, message);
    if (call && !isOver && message.method === 'notifications/progress') this.#calls.limit(call);
    // Nobody would read it: the stream closes with the answer, or the client reads JSON only. A request must fail, since
    // the server waits for its answer.
    if (isOver || (call.stream.pending && !call.stream.canStream)) {
      if ('id' in message) throw new Error(`${message.method} cannot be sent: its call has no stream any more`);
      return undefined;
    }
    this.#open(call.stream);
    return this.streams.send(call.stream, this.#textOf(message), { mayBeLost: !('id' in message) });
  }

  /** For which node's server a message from the client is. */
  addresseeOf(message: JSONRPCMessage): Addressee {
    return addresseeOf(message, this.#requestIds, this.#calls.running);
  }

  /** Takes a message from the client that another node has received, if it is for this server, too; returns whether it is. */
  receive(message: JSONRPCMessage): boolean {
    if (this.#isClosed || this.addresseeOf(message) === 'elsewhere') return false;
    this.#receive(this.#requestIds.unmark(message), {});
    return true;
  }

  /** Answers the calls that are still running with an error, in the log, too: their clients need not look for them elsewhere. */
  async cutOffCalls(): Promise<void> {
    const calls = [...this.#calls.running.values()].filter(({ stream, isAnswered }) => !stream.pending && !isAnswered);
    for (const call of calls) void this.#settle(call, cutOffError(call.request.id));
    await this.streams.inOrder(() => {});
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { size } = this.#calls.running;
    for (const call of this.#calls.running.values()) cutOff(call);
    this.#calls.clear();
    const closed = this.streams.close();
    if (size > 0) this.#options.ondetach();
    this.onclose?.();
    await closed;
  }

  /** Passes the messages of a POST on to the server. */
  #take(exchange: Exchange): Answer | Promise<Answer> {
    const { incoming, request, headers, accepted, caller } = exchange;
    const { requests } = incoming;
    const canStream = accepted.eventStream;
    const isPrimed = canStream && this.#options.events !== undefined && readsPriming(headers);
    const stream = callStreamOf(exchange, isPrimed);
    const extra: MessageExtraInfo = isPrimed ? this.#closersOf(stream) : {};
    if (request) extra.request = request;
    if (caller.authInfo) extra.authInfo = caller.authInfo;
    const response = requests.length === 0 ? acceptedResponse() : this.#calls.register(requests, stream);
    if (!accepted.json) this.#open(stream);
    // It reads no stream to resume, so nobody waits for its calls once it has left.
    const leave = () => stream.calls.forEach((call) => this.#cancel(call, cancelledError(call.request.id)));
    const isAwaited = !canStream && this.sessionId !== undefined;
    if (isAwaited) request?.signal.addEventListener('abort', leave, { once: true });
    passOn(exchange, (message) => this.#receive(this.#requestIds.unmark(message), extra));
    if (isAwaited && request?.signal.aborted) leave();
    return response;
  }

  /** Only for clients that can come back ("MAY close the connection … after having sent an SSE event with an event ID"). */
  #closersOf(stream: CallStream): MessageExtraInfo {
    const closeSSEStream = () => this.#disconnect(stream);
    const closeStandaloneSSEStream = () => this.streams.disconnect(this.streams.ofGet?.stream);
    return { closeSSEStream, closeStandaloneSSEStream };
  }

  /** @param answer - Answers the call that `message` cancels. @default "Request cancelled" */
  #receive(message: JSONRPCMessage, extra: MessageExtraInfo, answer?: JSONRPCMessage): void {
    // The server does not answer a cancelled call, as the specification asks. But its stream has to end, and a client
    // takes a stream that ends without an answer for broken: it would try to resume it for ever.
    const cancelled = cancelledCall(message, this.#calls.running);
    if (cancelled) void this.#settle(cancelled, answer ?? cancelledError(cancelled.request.id));
    try {
      this.onmessage?.(message, extra);
    } catch (error) {
      this.onerror?.(errorOf(error));
      const call = 'method' in message && 'id' in message ? this.#calls.running.get(message.id) : undefined;
      if (call) void this.#settle(call, internalError(call.request.id));
    }
  }

  #settle(call: Call, message: JSONRPCMessage): void | Promise<void> {
    call.isAnswered = true;
    const { request, stream } = call;
    const save = 'result' in message ? this.#options.savingOf?.(request, stream.isRepeated === true) : undefined;
    if (!save) return this.#deliver(call, message);
    const deliver = (isSaved: boolean) => this.#deliver(call, isSaved ? message : internalError(request.id));
    return thenOf(this.streams.inOrder(save), deliver);
  }

  /** Puts the answer to a call into the JSON body or onto the stream. */
  #deliver(call: Call, answer: JSONRPCMessage): void | Promise<void> {
    const { stream } = call;
    stream.watch?.answered(call.request.id, answer);
    const data = answerText(answer, call, this.onerror);
    if (!stream.pending) {
      const how = { settles: call.request.id };
      return this.streams.inOrder(() => thenOf(this.streams.emit(stream, data, how), () => this.#finish(call)));
    }
    stream.pending.answers.push(data);
    return this.#finish(call);
  }

  /** Ends an answered call, and the stream along with its last call. */
  #finish(call: Call): void {
    const { stream } = call;
    const { pending } = stream;
    if (!this.#calls.end(call) || stream.calls.size > 0) return;
    if (!pending) {
      if (!this.streams.end(stream)) this.#options.ondetach();
      return;
    }
    stream.pending = undefined;
    pending.unset();
    pending.respond(jsonResponse(stream, pending.answers, this.#headers));
  }

  /** Turns the answer to a POST into an event stream, unless it is one already. */
  #open(stream: CallStream): void {
    const { pending } = stream;
    if (!pending || this.#isClosed) return;
    stream.pending = undefined;
    const principal = principalKey(stream.caller);
    for (const call of stream.calls) call.end = this.#options.callsInFlight.begin(principal);
    pending.unset();
    const owes = () => idsOf(stream);
    stream.owes = owes;
    pending.respond(this.streams.open(stream));
    if (stream.isPrimed) void this.streams.send(stream, undefined);
    else stream.connection?.comment();
    for (const answer of pending.answers) void this.streams.send(stream, answer);
  }

  /** Cancels a call, which its tool learns by its signal, and answers it. */
  #cancel(call: Call, answer: JSONRPCMessage): void {
    if (call.isAnswered) return;
    const params = { requestId: call.request.id };
    this.#receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params }, {}, answer);
  }

  /** Ends the connection of a stream, but not the stream: the client comes back for the rest. */
  #disconnect(stream: CallStream): void {
    this.#open(stream);
    this.streams.disconnect(stream);
  }

  /** A message that the server sends on its own, as text. A question is noted even if there is no stream for it. */
  #textOf(message: JSONRPCMessage): string {
    if ('id' in message) this.hasAsked = true;
    return jsonText(this.#requestIds.mark(message));
  }
}
