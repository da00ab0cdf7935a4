/**
 * The event streams of one transport. Every event is logged before it is sent, if there is a log, so that a client that
 * loses its connection can resume the stream from the last event it has ("Resumability and Redelivery"), on any node.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
import type { RequestId } from '@modelcontextprotocol/server';
import { parseEventId } from '../contracts/event-id.ts';
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import { createEagerQueue, thenOf, type Awaitable } from '../lib/task-queue.ts';
import { unknownEventResponse } from '../protocol/errors.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { FollowedStreams } from './followed-streams.ts';
import { GetStream } from './get-stream.ts';
import { GET_STREAM_ID, type StreamAppend, type StreamLog } from './stream-log.ts';

/** A stream. */
export interface Stream {
  /** Its id in the log; empty until it is an event stream. */
  id: string;
  /** The connection that its events are sent on, while there is one. */
  connection?: EventStream | undefined;
  /** Whether an event with an id was sent, from which a client can resume. */
  isResumable?: boolean;
  /** When the token expires that it was opened with, in seconds since 1970. */
  expiresAt?: number | undefined;
  /** The calls that it has yet to answer. @default none */
  owes?: () => RequestId[];
}

/** Options for {@link Streams}. */
export interface StreamsOptions {
  /** @default no log: streams cannot be resumed, and there is no GET stream */
  events?: StreamLog;
  clock: Clock;
  /** Milliseconds between keep-alive comments on open streams; 0 for none. */
  keepAliveMs: number;
  /** Counts connections. @default nobody does */
  openStreams?: Pick<CallsInFlight, 'begin'> | undefined;
  /** Called when a stream has lost its connection. */
  ondetach: () => void;
}

/** The streams of one transport, and their connections. */
export class Streams {
  /** Runs one task at a time: events are sent and streams resumed in order, so that each event is either replayed or sent live. */
  readonly inOrder = createEagerQueue();
  /** The stream of GET, if there is a log. */
  readonly ofGet: GetStream | undefined;
  readonly #options: StreamsOptions;
  readonly #headers: Record<string, string>;
  readonly #followed: FollowedStreams | undefined;
  /** Those whose calls run here. */
  readonly #running = new Map<string, Stream>();
  readonly #connections = new Set<EventStream>();
  #unfollow: (() => void) | undefined;
  #isClosed = false;
  /** Whether any stream has ever had a connection. */
  hasConnected = false;

  /** @param headers - Of every stream's response. */
  constructor(options: StreamsOptions, headers: Record<string, string>) {
    this.#options = options;
    this.#headers = headers;
    const { events: log } = options;
    if (!log) return;
    this.ofGet = new GetStream({ log, inOrder: this.inOrder, connect: (stream) => this.connect(stream) });
    this.#followed = new FollowedStreams(log, this.inOrder);
  }

  /** Whether the stream of GET has a connection. */
  get isListening(): boolean {
    return this.ofGet?.isConnected === true;
  }

  /** Whether any stream has a connection. */
  get isConnected(): boolean {
    return this.#connections.size > 0;
  }

  /** Whether the log has yet to forget the events before one that it has missed: clients of other nodes may wait for that. */
  get hasGap(): boolean {
    return this.#options.events?.hasGap === true;
  }

  /** Names a new stream and connects it. */
  open(stream: Stream): Response {
    stream.id = crypto.randomUUID();
    this.#running.set(stream.id, stream);
    return this.connect(stream);
  }

  /**
   * Connects the stream of GET, and sends what has been waiting for it. The connection that it may still have ends, on
   * whichever node it is: the client has lost it, even if nobody has noticed yet.
   *
   * Resolves to `undefined` if the transport is closed. Rejects if the log is unavailable.
   *
   * @param expiresAt - When the token expires that the client opens it with, in seconds since 1970.
   * @param isPrimed - Whether the client reads events without data.
   */
  async openGet(expiresAt: number | undefined, isPrimed: boolean): Promise<Response | undefined> {
    return this.inOrder(async () => {
      const { ofGet } = this;
      if (!ofGet || !(await this.#follow())) return undefined;
      ofGet.stream.expiresAt = expiresAt;
      const response = await ofGet.open(isPrimed);
      return this.#isClosed ? undefined : response;
    });
  }

  /**
   * Connects the stream of `lastEventId` again, and sends what the client missed; 400 if the log does not hold the
   * event.
   *
   * Resolves to `undefined` if the transport is closed. Rejects if the log is unavailable.
   *
   * @param expiresAt - When the token expires that the client resumes with, in seconds since 1970.
   */
  async resume(lastEventId: string, expiresAt: number | undefined): Promise<Response | undefined> {
    return this.inOrder(async () => {
      const { ofGet } = this;
      if (!ofGet || !(await this.#follow())) return undefined;
      if (parseEventId(lastEventId)?.streamId !== GET_STREAM_ID) return this.#resumeCalls(lastEventId, expiresAt);
      ofGet.stream.expiresAt = expiresAt;
      const response = await ofGet.resume(lastEventId);
      return this.#isClosed ? undefined : (response ?? unknownEventResponse());
    });
  }

  /** Says a message as JSON on the stream of GET, wherever its connection is. Without a log, nobody hears it. */
  async sayOnGet(data: string): Promise<void> {
    await this.ofGet?.say(data);
  }

  /** Gives a stream a new connection in place of the one it may still have. */
  connect(stream: Stream): Response {
    this.hasConnected = true;
    stream.connection?.end();
    const onEnd = () => {
      this.#connections.delete(connection);
      if (stream.connection === connection) stream.connection = undefined;
      this.#followed?.remove(stream);
      // Not at once: it may be about to get another connection.
      void Promise.resolve().then(() => this.inOrder(() => this.#unfollowIfDone()));
      this.#options.ondetach();
    };
    const { clock, keepAliveMs, openStreams } = this.#options;
    const { expiresAt } = stream;
    const { stream: connection, response } = createEventStream({
      clock,
      keepAliveMs,
      expiresAt,
      headers: this.#headers,
      openStreams,
      onEnd,
    });
    this.#connections.add(connection);
    stream.connection = connection;
    if (this.#isClosed) connection.end();
    return response;
  }

  /** Ends the connection of a stream, but not the stream: the client comes back for the rest. */
  disconnect(stream: Stream | undefined): void {
    void this.inOrder(() => {
      if (stream?.isResumable) stream.connection?.end();
    });
  }

  /** Logs and sends a message as JSON, after those before it. */
  send(stream: Stream, data: string | undefined, how?: StreamAppend): Awaitable<void> {
    return this.inOrder(() => this.emit(stream, data, how));
  }

  /** The same within {@link inOrder}. An event without a message is there for its id ("SHOULD immediately send"). */
  emit(stream: Stream, data: string | undefined, how?: StreamAppend): Awaitable<void> {
    const { events: log } = this.#options;
    if (!log) return data === undefined ? undefined : stream.connection?.send({ id: undefined, data });
    const { owes } = stream;
    const appended = log.append(stream.id, data, owes ? { owes: owes(), ...how } : how);
    return thenOf(appended, ({ id, isRefused }) => {
      // Another node took this one for dead, and has ended the stream.
      if (isRefused) return stream.connection?.end();
      if (id !== undefined) stream.isResumable = true;
      if (id !== undefined || data !== undefined) stream.connection?.send({ id, data });
    });
  }

  /** Ends a stream; returns whether it had a connection. A client that missed its last events can still resume it. */
  end(stream: Stream): boolean {
    this.#running.delete(stream.id);
    void this.#options.events?.end(stream.id);
    const { connection } = stream;
    connection?.end();
    return connection !== undefined;
  }

  /** Looks after the streams of calls that run on other nodes: those may be gone. */
  wakeFollowed(): void {
    this.#followed?.wakeAll();
  }

  /** Looks after streams that follow the log: news may have been lost. Gets rid of a gap. */
  check(): void {
    const { events: log } = this.#options;
    this.wakeFollowed();
    this.ofGet?.wake();
    if (log?.hasGap) void this.inOrder(() => log.mend());
  }

  /** Ends every connection, and makes no more. What was sent before is logged: the session may go on with another transport. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.end();
    await this.inOrder(() => this.#options.events?.close());
    this.#unfollowIfDone();
  }

  async #resumeCalls(lastEventId: string, expiresAt: number | undefined): Promise<Response | undefined> {
    const missed = await this.#options.events?.after(lastEventId);
    if (!missed) return unknownEventResponse();
    if (this.#isClosed) return undefined;
    const running = this.#running.get(missed.streamId);
    const stream = running ?? { id: missed.streamId };
    stream.expiresAt = expiresAt;
    const response = this.connect(stream);
    if (missed.events.length === 0) stream.connection?.comment();
    if (running) for (const event of missed.events) stream.connection?.send(event);
    else await this.#followed?.add(stream, lastEventId, missed);
    return response;
  }

  /** Follows the log, before anything is read from it; resolves to `false` if the transport is closed. */
  async #follow(): Promise<boolean> {
    this.#unfollow ??= await this.#options.events?.follow((streamId) => {
      if (streamId === GET_STREAM_ID) this.ofGet?.wake();
      else this.#followed?.wake(streamId);
    });
    return !this.#isClosed;
  }

  #unfollowIfDone(): void {
    if (this.isListening || (this.#followed?.size ?? 0) > 0) return;
    this.#unfollow?.();
    this.#unfollow = undefined;
  }
}
