/**
 * The event streams of one transport. Every event is logged before it is sent, if there is a log, so that a client that
 * loses its connection can resume the stream from the last event it has ("Resumability and Redelivery").
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
import { ANONYMOUS } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';
import { createTaskQueue } from '../lib/task-queue.ts';
import { unknownEventResponse } from '../protocol/errors.ts';
import type { Answer, Stream } from './call.ts';
import { createEventStream, type EventStream } from './event-stream.ts';

/** The stream that a GET request opens, in the log. */
export const GET_STREAM_ID = 'get';

/** The log of one session's events. `sessions/session-events.ts` implements it. */
export interface StreamLog {
  /** Logs an event and resolves to its id, or to `undefined` if it was not logged. Never rejects. */
  append(streamId: string, data: string | undefined, mayBeLost: boolean): Promise<string | undefined>;
  /** Ends a stream in the log. Never rejects. */
  end(streamId: string): Promise<void>;
  /** The stream of an event and what followed it there; `undefined` if the log does not know the stream. */
  after(
    eventId: string,
  ): Promise<{ streamId: string; events: { id: string; data: string }[]; isComplete: boolean } | undefined>;
  /** What was logged on a stream after an event, or in all. Never rejects. */
  tail(streamId: string, eventId?: string): Promise<{ id: string; data: string }[]>;
  /** Logs nothing from now on. */
  close(): Promise<void>;
}

/** Options for {@link Streams}. */
export interface StreamsOptions {
  /** @default no log, so that streams cannot be resumed */
  events?: StreamLog;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** The last event that was sent on the stream of GET, if the session had another transport before. */
  sentOnGet?: string | undefined;
  /** Headers of every stream's response. */
  headers: Record<string, string>;
  /** Called when a stream has lost its connection. */
  ondetach: () => void;
}

/** The streams of one transport, and their connections. */
export class Streams {
  /** The stream that a GET request opens, for messages that belong to no call. */
  readonly ofGet: Stream = { id: GET_STREAM_ID, calls: new Set(), caller: ANONYMOUS };
  /** Runs one task at a time: events are sent and streams resumed in order, so that each event is either replayed or sent live. */
  readonly inOrder = createTaskQueue();
  readonly #options: StreamsOptions;
  /** Those that have not ended and may be resumed. */
  readonly #running = new Map<string, Stream>([[this.ofGet.id, this.ofGet]]);
  readonly #connections = new Set<EventStream>();
  /** The id of the last event that was sent on the stream of GET. Later ones in the log are waiting for a connection. */
  #sentOnGet: string | undefined;
  /** Whether the next GET begins with all that is in the log, whatever is sent on the stream before. */
  #isGetForgotten = false;
  #isClosed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#sentOnGet = options.sentOnGet;
  }

  /** Whether the stream of GET has a connection. */
  get isListening(): boolean {
    return this.ofGet.connection !== undefined;
  }

  /** The id of the last event that was sent on the stream of GET. */
  get sentOnGet(): string | undefined {
    return this.#sentOnGet;
  }

  /** Whether any stream has a connection. */
  get isConnected(): boolean {
    return this.#connections.size > 0;
  }

  /** Names a new stream and connects it. */
  open(stream: Stream): Response {
    stream.id = crypto.randomUUID();
    this.#running.set(stream.id, stream);
    return this.connect(stream);
  }

  /**
   * Connects the stream of GET, and sends what has been waiting for it. The connection that it may still have ends: the
   * client has lost it, even if nobody here has noticed yet. Runs within {@link inOrder}.
   *
   * @param expiresAt - When the token expires that the client opens it with, in seconds since 1970.
   * @param isPrimed - Whether the client reads events without data.
   */
  async openGet(expiresAt: number | undefined, isPrimed: boolean): Promise<Response> {
    const stream = this.ofGet;
    stream.expiresAt = expiresAt;
    const response = this.connect(stream);
    const waiting = (await this.#options.events?.tail(stream.id, this.#sentOnGet)) ?? [];
    this.#sendOnGet(waiting, this.#sentOnGet);
    // Without an id to begin with, messages between a break before the first event and the next GET would be lost.
    if (isPrimed && waiting.length === 0) await this.emit(stream, undefined);
    else stream.connection?.comment();
    return response;
  }

  /** Gives a stream a new connection in place of the one it may still have. */
  connect(stream: Stream): Response {
    stream.connection?.end();
    const onEnd = () => {
      this.#connections.delete(connection);
      if (stream.connection === connection) stream.connection = undefined;
      this.#options.ondetach();
    };
    const { clock, keepAliveMs, headers } = this.#options;
    const { expiresAt } = stream;
    const connection = createEventStream({ clock, keepAliveMs, expiresAt, headers, onEnd });
    this.#connections.add(connection);
    stream.connection = connection;
    return connection.response;
  }

  /** Ends the connection of a stream, but not the stream: the client comes back for the rest. */
  disconnect(stream: Stream): void {
    void this.inOrder(async () => stream.isResumable && stream.connection?.end());
  }

  /**
   * Connects the stream of `lastEventId` again, and sends what the client missed; 400 if the log does not hold the
   * event. Runs within {@link inOrder}. Resolves to `undefined` if the transport is closed in the meantime.
   *
   * @param expiresAt - When the token expires that the client resumes with, in seconds since 1970.
   */
  async resume(lastEventId: string, expiresAt: number | undefined): Promise<Answer> {
    const missed = await this.#options.events?.after(lastEventId);
    // A call's stream is worth resuming for its answer. On that of GET, each message is as good as any other.
    const isUsable = missed && (missed.isComplete || missed.streamId !== this.ofGet.id);
    if (!isUsable) {
      // Nobody knows what the client has missed: its next GET begins with all that there is.
      this.#sentOnGet = undefined;
      this.#isGetForgotten = true;
      return unknownEventResponse();
    }
    if (this.#isClosed) return undefined;
    const running = this.#running.get(missed.streamId);
    const stream = running ?? { id: missed.streamId, calls: new Set(), caller: ANONYMOUS };
    stream.expiresAt = expiresAt;
    const response = this.connect(stream);
    if (missed.events.length === 0) stream.connection?.comment();
    if (stream === this.ofGet) this.#sendOnGet(missed.events, lastEventId);
    else for (const event of missed.events) stream.connection?.send(event);
    if (!running) stream.connection?.end();
    return response;
  }

  /**
   * Logs and sends a message as JSON, after those before it.
   *
   * @param mayBeLost - Whether the log may lose it before the stream ends. @default false
   */
  send(stream: Stream, data: string | undefined, mayBeLost?: boolean): Promise<void> {
    return this.inOrder(() => this.emit(stream, data, mayBeLost));
  }

  /** The same within {@link inOrder}. An event without a message is there for its id ("SHOULD immediately send"). */
  async emit(stream: Stream, data: string | undefined, mayBeLost = false): Promise<void> {
    const id = await this.#options.events?.append(stream.id, data, mayBeLost);
    if (id !== undefined) stream.isResumable = true;
    if (id === undefined && data === undefined) return;
    if (!stream.connection) return;
    stream.connection.send({ id, data });
    if (stream === this.ofGet && !this.#isGetForgotten) this.#sentOnGet = id ?? this.#sentOnGet;
  }

  /** Logs and sends a message on the stream of GET if that has a connection; resolves to whether it has. */
  sendIfListening(data: string): Promise<boolean> {
    return this.inOrder(async () => {
      if (!this.isListening) return false;
      await this.emit(this.ofGet, data, true);
      return true;
    });
  }

  /** Sends what a new connection of the stream of GET has missed after `lastId`. */
  #sendOnGet(events: { id: string; data: string }[], lastId: string | undefined): void {
    for (const event of events) this.ofGet.connection?.send(event);
    this.#sentOnGet = events.at(-1)?.id ?? lastId;
    this.#isGetForgotten = false;
  }

  /** Ends a stream; returns whether it had a connection. A client that missed its last events can still resume it. */
  end(stream: Stream): boolean {
    this.#running.delete(stream.id);
    void this.#options.events?.end(stream.id);
    const { connection } = stream;
    connection?.end();
    return connection !== undefined;
  }

  /** Ends every connection, and makes no more. What was sent before is logged: the session may go on with another transport. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.end();
    await this.inOrder(async () => this.#options.events?.close());
  }
}
