/**
 * Streamable HTTP of the 2025 revisions for one session, behind the SDK's `Transport` interface.
 *
 * A call that is answered at once is answered with one JSON body. One that has more to say, or takes
 * longer, gets an event stream, whose events are logged before they are sent: a client that loses the
 * connection comes back for the rest. What belongs to no call goes to the stream that GET opens.
 *
 * The SDK's own transport opens a stream for every call, which costs more than the call. Who may use the
 * session, and for how long, is decided in `sessions.ts`.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
 */
import {
  isSpecType,
  SUPPORTED_PROTOCOL_VERSIONS,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type MessageExtraInfo,
  type RequestId,
  type ScopeChallengeHandler,
  type Transport,
  type TransportSendOptions,
} from '@modelcontextprotocol/server';
import type { Caller } from '../auth/caller.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import {
  cancelledError,
  cutOffError,
  duplicateRequestResponse,
  internalError,
  secondInitializeResponse,
  secondStreamResponse,
  unknownEventResponse,
  unsupportedVersionResponse,
} from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { answerText, errorOf, jsonResponse, type Answer, type Call, type Stream } from './call.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { createRequestIds } from './request-ids.ts';
import { scopeChallenge } from './scope-challenge.ts';
import type { StreamLog } from './stream-log.ts';

/** The revision from which on clients read events without data. */
const PRIMING_SINCE = '2025-11-25';

/** What {@link HttpTransport} is made from. */
export interface HttpTransportOptions {
  /** `undefined` without sessions: a transport for one POST. */
  sessionId?: string;
  /** Logs events, so that streams can be resumed. @default they cannot */
  events?: StreamLog;
  callsInFlight: CallsInFlight;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** How long a call may take before its answer becomes a stream, in milliseconds; `Infinity` for any time. */
  streamAfterMs: number;
  /** What saves the change that a call makes before its result is sent; whether it could. @default none makes any */
  savingOf?: (request: JSONRPCRequest) => (() => Promise<boolean>) | undefined;
  /** Called when a stream has lost its connection, and when a call has ended that had lost it before. */
  ondetach: () => void;
}

/** The transport of one session. */
export class HttpTransport implements Transport {
  onclose: Transport['onclose'];
  onerror: Transport['onerror'];
  onmessage: Transport['onmessage'];
  readonly sessionId: string | undefined;
  /** Whether the server has made a request, whose answer it may wait for. */
  hasAsked = false;
  readonly #options: HttpTransportOptions;
  readonly #headers: Record<string, string>;
  readonly #calls = new Map<RequestId, Call>();
  readonly #getStream: Stream = { id: 'get', calls: new Set() };
  /** Event streams that have not ended; they may be resumed. */
  readonly #streams = new Map<string, Stream>([[this.#getStream.id, this.#getStream]]);
  readonly #connections = new Set<EventStream>();
  /** Events are sent, and streams are resumed, one at a time: an event is then either replayed or sent live. */
  readonly #inOrder = createTaskQueue();
  readonly #requestIds = createRequestIds();
  #scopeChallengeResolver: ScopeChallengeHandler = () => undefined;
  #isClosed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
    this.#headers = options.sessionId === undefined ? {} : { 'mcp-session-id': options.sessionId };
  }

  /** Whether a stream is open, or a call without an answer, whether or not anybody still listens for it. */
  get isAttached(): boolean {
    return this.#calls.size > 0 || this.#connections.size > 0;
  }

  async start(): Promise<void> {}

  /** Takes what tells the scopes that a call needs; an `McpServer` gives it when it connects. */
  setScopeChallengeResolver = (resolver: ScopeChallengeHandler) => void (this.#scopeChallengeResolver = resolver);

  /** Answers a POST ("Sending Messages to the Server"). */
  post(exchange: Exchange): Answer | Promise<Answer> {
    const { incoming, caller } = exchange;
    if (this.#isClosed) return undefined;
    const refusal = refuseIds(incoming, this.#calls);
    if (refusal) return refusal;
    const challenged = scopeChallenge(incoming.requests, caller.authInfo, this.#scopeChallengeResolver);
    if (!challenged) return this.#take(exchange);
    return challenged.then((challenge) => {
      if (challenge || this.#isClosed) return challenge;
      // That took time, in which another call may have taken the id.
      return refuseIds(incoming, this.#calls) ?? this.#take(exchange);
    });
  }

  /** Opens the stream of GET, or resumes one ("Listening for Messages from the Server", "Resumability and Redelivery"). */
  async get(request: Request, { authInfo }: Caller): Promise<Answer> {
    const lastEventId = request.headers.get('last-event-id');
    const expiresAt = authInfo?.expiresAt;
    return this.#inOrder(async () => {
      if (this.#isClosed) return undefined;
      if (lastEventId !== null) return this.#resume(lastEventId, expiresAt);
      if (this.#getStream.connection) return secondStreamResponse();
      this.#getStream.expiresAt = expiresAt;
      const { response } = this.#connect(this.#getStream);
      // Without an id from the start, what is sent between a break before the first event and the next GET would be lost.
      if (readsPriming(request)) await this.#emit(this.#getStream, undefined);
      return response;
    });
  }

  async send(message: JSONRPCMessage, related: TransportSendOptions = {}): Promise<void> {
    const isAnswer = !('method' in message);
    const requestId = isAnswer ? message.id : related.relatedRequestId;
    // "The server MAY send JSON-RPC requests and notifications on the stream" of GET, but no answers.
    if (requestId === undefined) return isAnswer ? undefined : this.#tell(this.#getStream, message);
    const call = this.#calls.get(requestId);
    const isOver = !call || call.isAnswered;
    if (isAnswer) return isOver ? undefined : this.#answer(call, message);
    // Nobody reads it ("SHOULD close the SSE stream" after the answer); who waits for an answer has to know.
    if (isOver || (call.stream.pending && !call.stream.canStream)) {
      if ('id' in message) throw new Error(`${message.method} has no stream to go to: its call reads none any more`);
      return undefined;
    }
    this.#open(call.stream);
    return this.#tell(call.stream, message);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { request, stream, end } of this.#calls.values()) {
      stream.pending?.unset();
      stream.pending?.respond();
      // A stream that just ended would be come back for. Without an id, since it is in no log.
      stream.connection?.send({ id: undefined, data: JSON.stringify(cutOffError(request.id)) });
      end?.();
    }
    const { size } = this.#calls;
    this.#calls.clear();
    for (const connection of this.#connections) connection.end();
    if (size > 0) this.#options.ondetach();
    this.onclose?.();
    await this.#options.events?.close();
  }

  #take({ incoming, request, accepted, caller: { authInfo } }: Exchange): Answer | Promise<Answer> {
    const { messages, requests, kind } = incoming;
    const isPrimed = accepted.eventStream && this.#options.events !== undefined && readsPriming(request);
    const stream: Stream = {
      id: '',
      calls: new Set(),
      canStream: accepted.eventStream,
      isPrimed,
      isBatch: kind === 'batch',
      expiresAt: authInfo?.expiresAt,
    };
    const extra: MessageExtraInfo = request ? { request } : {};
    if (authInfo) extra.authInfo = authInfo;
    if (isPrimed) {
      // Only for clients that can come back ("MAY close the connection … after having sent an SSE event with an event ID").
      extra.closeSSEStream = () => this.#disconnect(stream);
      extra.closeStandaloneSSEStream = () => this.#disconnect(this.#getStream);
    }
    // "If the input is a JSON-RPC response or notification … 202 Accepted with no body".
    const response = requests.length === 0 ? new Response(null, { status: 202 }) : this.#begin(requests, stream);
    if (!accepted.json) this.#open(stream);
    for (const message of messages) this.#receive(this.#requestIds.unmark(message), extra);
    return response;
  }

  /** Notes calls; the promise resolves when it is known whether JSON or a stream answers them. */
  #begin(requests: readonly JSONRPCRequest[], stream: Stream): Promise<Response | undefined> {
    for (const request of requests) {
      const call = { request, stream, isAnswered: false };
      stream.calls.add(call);
      this.#calls.set(request.id, call);
    }
    return new Promise((respond) => {
      const { streamAfterMs, clock } = this.#options;
      const hasDeadline = stream.canStream && streamAfterMs !== Infinity;
      const unset = hasDeadline ? clock.after(streamAfterMs, () => this.#open(stream)) : () => {};
      stream.pending = { answers: [], respond, unset };
    });
  }

  #receive(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    // What the SDK does not take for one cancels nothing there, and must not here.
    if (isCancellation(message) && isSpecType.CancelledNotification(message)) {
      // The server stays silent on a cancelled call, as the specification asks. Its stream has to end all the
      // same, and a client takes one that ends without an answer for broken, and comes back for it for ever.
      const { requestId } = message.params;
      const call = requestId === undefined ? undefined : this.#calls.get(requestId);
      if (call && !call.isAnswered) void this.#answer(call, cancelledError(call.request.id));
    }
    try {
      this.onmessage?.(message, extra);
    } catch (error) {
      this.onerror?.(errorOf(error));
      const call = 'method' in message && 'id' in message ? this.#calls.get(message.id) : undefined;
      if (call) void this.#answer(call, internalError(call.request.id));
    }
  }

  #answer(call: Call, message: JSONRPCMessage): void | Promise<void> {
    call.isAnswered = true;
    const save = 'result' in message ? this.#options.savingOf?.(call.request) : undefined;
    if (!save) return this.#deliver(call, message);
    return this.#inOrder(save).then((isSaved) =>
      this.#deliver(call, isSaved ? message : internalError(call.request.id)),
    );
  }

  /** Gives a call its answer: into the one JSON body, or onto the stream. */
  #deliver(call: Call, answer: JSONRPCMessage): void | Promise<void> {
    const { stream } = call;
    const data = answerText(answer, call, this.onerror);
    if (!stream.pending) return this.#inOrder(() => this.#emit(stream, data).then(() => this.#finish(call)));
    stream.pending.answers.push(data);
    return this.#finish(call);
  }

  /** Ends a call that has its answer, and with the last its stream. */
  #finish(call: Call): void {
    if (!this.#calls.delete(call.request.id)) return;
    const { stream } = call;
    const { pending } = stream;
    stream.calls.delete(call);
    call.end?.();
    if (stream.calls.size > 0) return;
    this.#streams.delete(stream.id);
    if (!pending) return stream.connection ? stream.connection.end() : this.#options.ondetach();
    stream.pending = undefined;
    pending.unset();
    pending.respond(jsonResponse(stream, pending.answers, this.#headers));
  }

  /** Makes an event stream of what was to be JSON. */
  #open(stream: Stream): void {
    const { pending } = stream;
    if (!pending || this.#isClosed) return;
    stream.pending = undefined;
    stream.id = crypto.randomUUID();
    this.#streams.set(stream.id, stream);
    for (const call of stream.calls) call.end = this.#options.callsInFlight.begin();
    pending.unset();
    pending.respond(this.#connect(stream).response);
    if (stream.isPrimed) void this.#emitInOrder(stream, undefined);
    for (const answer of pending.answers) void this.#emitInOrder(stream, answer);
  }

  /** Gives a stream a new connection, in place of one that it may still have. */
  #connect(stream: Stream): EventStream {
    stream.connection?.end();
    const onEnd = () => {
      this.#connections.delete(connection);
      if (stream.connection === connection) stream.connection = undefined;
      this.#options.ondetach();
    };
    const { clock, keepAliveMs } = this.#options;
    const { expiresAt } = stream;
    const connection = createEventStream({ clock, keepAliveMs, expiresAt, headers: this.#headers, onEnd });
    this.#connections.add(connection);
    stream.connection = connection;
    return connection;
  }

  /** Ends the connection of a stream, which goes on: the client comes back for the rest. */
  #disconnect(stream: Stream): void {
    this.#open(stream);
    void this.#inOrder(async () => stream.isResumable && stream.connection?.end());
  }

  async #resume(lastEventId: string, expiresAt: number | undefined): Promise<Response | undefined> {
    const missed = await this.#options.events?.after(lastEventId);
    if (!missed) return unknownEventResponse();
    if (this.#isClosed) return undefined;
    const running = this.#streams.get(missed.streamId);
    const stream = running ?? { id: missed.streamId, calls: new Set() };
    stream.expiresAt = expiresAt;
    const connection = this.#connect(stream);
    for (const event of missed.events) if (event.data !== undefined) connection.send(event);
    if (!running) connection.end();
    return connection.response;
  }

  #tell(stream: Stream, message: JSONRPCMessage): Promise<void> {
    if ('id' in message) this.hasAsked = true;
    return this.#emitInOrder(stream, JSON.stringify(this.#requestIds.mark(message)));
  }

  #emitInOrder(stream: Stream, data: string | undefined): Promise<void> {
    return this.#inOrder(() => this.#emit(stream, data));
  }

  /** Logs and sends an event; without a message one that is there for its id ("SHOULD immediately send"). */
  async #emit(stream: Stream, data: string | undefined): Promise<void> {
    const id = await this.#options.events?.append(stream.id, data);
    if (id !== undefined) stream.isResumable = true;
    if (id !== undefined || data !== undefined) stream.connection?.send({ id, data });
  }
}

/** Whether the client reads events without data ("For backwards compatibility … protocol version"). */
function readsPriming(request: Request | undefined): boolean {
  return (request?.headers.get('mcp-protocol-version') ?? '') >= PRIMING_SINCE;
}

function isCancellation(message: JSONRPCMessage): boolean {
  return 'method' in message && message.method === 'notifications/cancelled';
}

/** The answer to messages that cannot be taken because of their ids, or of an `initialize` in a batch. */
function refuseIds({ kind, requests }: Incoming, running: ReadonlyMap<RequestId, unknown>): Response | undefined {
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

/** The answer to a request whose `MCP-Protocol-Version` is not a 2025 revision or an earlier one ("Protocol Version Header"). */
export function refuseVersion(request: Request): Response | undefined {
  const version = request.headers.get('mcp-protocol-version');
  if (version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined;
  return unsupportedVersionResponse(SUPPORTED_PROTOCOL_VERSIONS);
}
