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
import { createEventStream, type EventStream, type StreamEvent } from './event-stream.ts';

/** Most messages, and most of their characters, that wait for a session's next GET stream. The oldest go first. */
const MAX_UNSENT = 100;
const MAX_UNSENT_CHARS = 64 * 1024;

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
  /** Headers of every stream's response. */
  headers: Record<string, string>;
  /** Called when a stream has lost its connection. */
  ondetach: () => void;
}

/** The streams of one transport, and their connections. */
export class Streams {
  /** The stream that a GET request opens, for messages that belong to no call. */
  readonly ofGet: Stream = { id: 'get', calls: new Set(), caller: ANONYMOUS };
  /** Runs one task at a time: events are sent and streams resumed in order, so that each event is either replayed or sent live. */
  readonly inOrder = createTaskQueue();
  readonly #options: StreamsOptions;
  /** Those that have not ended and may be resumed. */
  readonly #running = new Map<string, Stream>([[this.ofGet.id, this.ofGet]]);
  readonly #connections = new Set<EventStream>();
  /** Messages for the stream of GET that no connection has been sent. */
  #unsent: StreamEvent[] = [];
  #isClosed = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
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
    const hasId = this.#sendUnsent();
    // Without an id to begin with, messages between a break before the first event and the next GET would be lost.
    if (isPrimed && !hasId) await this.emit(stream, undefined);
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
    if (!isUsable) return unknownEventResponse();
    if (this.#isClosed) return undefined;
    const running = this.#running.get(missed.streamId);
    const stream = running ?? { id: missed.streamId, calls: new Set(), caller: ANONYMOUS };
    stream.expiresAt = expiresAt;
    const response = this.connect(stream);
    if (missed.events.length === 0) stream.connection?.comment();
    for (const event of missed.events) stream.connection?.send(event);
    if (stream === this.ofGet) this.#sendUnsent(new Set(missed.events.map(({ id }) => id)));
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
    if (stream.connection) stream.connection.send({ id, data });
    else if (stream === this.ofGet && this.#options.events) this.#keepUnsent({ id, data });
  }

  #keepUnsent(event: StreamEvent): void {
    this.#unsent.push(event);
    const size = () => this.#unsent.reduce((chars, { data = '' }) => chars + data.length, 0);
    while (this.#unsent.length > MAX_UNSENT || size() > MAX_UNSENT_CHARS) this.#unsent.shift();
  }

  /** Sends the messages that have been waiting, except for `replayed` ones. Returns whether one of them had an id. */
  #sendUnsent(replayed?: ReadonlySet<string>): boolean {
    const unsent = this.#unsent.filter(({ id }) => id === undefined || !replayed?.has(id));
    this.#unsent = [];
    for (const event of unsent) this.ofGet.connection?.send(event);
    return unsent.some(({ id }) => id !== undefined);
  }

  /** Ends a stream; returns whether it had a connection. A client that missed its last events can still resume it. */
  end(stream: Stream): boolean {
    this.#running.delete(stream.id);
    void this.#options.events?.end(stream.id);
    const { connection } = stream;
    connection?.end();
    return connection !== undefined;
  }

  /** Ends every connection, and makes no more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.end();
    await this.#options.events?.close();
  }
}
