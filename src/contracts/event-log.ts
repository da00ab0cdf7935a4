/**
 * The contract of an event log: it keeps what was sent on the streams of each session for a while, so that a client
 * whose connection broke can have what it missed, on any node.
 *
 * To send is to append: whoever has the connection of a stream follows the log. `memory/memory-event-log.ts` implements
 * it in this process. `test/contracts/event-log.contract.ts` tests any implementation.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
import type { RequestId } from '@modelcontextprotocol/server';
import type { Awaitable } from '../lib/task-queue.ts';

/** One event of a stream. */
export interface LoggedEvent {
  /** Unique within the session. Identifies the stream and the place in it; see `event-id.ts`. */
  id: string;
  /** A message as JSON. */
  data: string;
}

/** What followed an event on its stream. */
export interface LaterEvents {
  streamId: string;
  /** In the order of `append`, without those that carried only an id. */
  events: LoggedEvent[];
  /** Whether these are all; otherwise events that were allowed to be lost are missing. */
  isComplete: boolean;
  /** Whether the stream has ended, so that nothing will follow. */
  hasEnded: boolean;
  /** Who answers the calls of the stream, and which of them are unanswered. `undefined` if it answers none. */
  owed: Debt | undefined;
}

/** The calls that a stream has yet to answer. */
export interface Debt {
  /** The node that runs them (`Relay.node`). */
  node: string;
  calls: RequestId[];
}

/** How much a log keeps. Each engine may have a bound on all sessions besides. */
export interface EventLogBounds {
  /** Most events of one stream. Only those that may be lost go. */
  readonly maxEventsPerStream: number;
  /** Most bytes of one stream. Only events that may be lost go. */
  readonly maxBytesPerStream: number;
  /** Most bytes of one session. Streams that have ended go first, but never the last of them; then events that may be lost, of the stream that grows. */
  readonly maxBytesPerSession: number;
  /** How long a stream that has ended is kept, and a session that is not used, in milliseconds. */
  readonly maxAgeMs: number;
}

/** The bounds of a log that is made without others. */
export const EVENT_LOG_BOUNDS: EventLogBounds = {
  maxEventsPerStream: 1000,
  maxBytesPerStream: 1024 * 1024,
  maxBytesPerSession: 4 * 1024 * 1024,
  maxAgeMs: 5 * 60_000,
};

/** How an event is appended. */
export interface AppendOptions {
  /** Whether the stream is still worth resuming without this event. @default false */
  mayBeLost?: boolean | undefined;
  /** The calls that the stream has yet to answer, in case the log does not know the stream. @default none */
  owes?: Debt | undefined;
  /** The call that the event answers. It is appended only if the stream owes that answer. @default none */
  settles?: RequestId | undefined;
  /** Appends the event only if this one holds the stream. @default whoever does */
  holder?: string | undefined;
  /** The number of the last change (`ChangeLog`) that the client knows of with this event. @default none */
  told?: number | undefined;
}

/** What the new holder of a stream needs to know. */
export interface Held {
  /** The highest `told` of the events that were appended to it; 0 if there was none. */
  told: number;
  /** The number of the event after which the next `take` begins; 0 to begin with the first. */
  taken: number;
}

/**
 * Keeps events in the order of `append`, within limits on their number, size and age.
 *
 * A stream begins with its first event. Until it ends, a client can resume it from any event, however long ago that was
 * sent: the log may lose events that are allowed to be lost, but never the place in the stream. Streams that have ended
 * go first, as a whole and the oldest first, after a while or to make room. Only when that does not make enough room for all
 * sessions is the log of one forgotten, the least recently used. A session that is neither appended to nor
 * touched for that while is forgotten.
 *
 * Methods reject if the engine is unavailable. Those that every event needs may return a value instead of a promise, and throw
 * instead of rejecting.
 */
export interface EventLog {
  /**
   * Keeps an event of a stream and resolves to its id. Calls for one session take effect in the order they are made.
   * Resolves to `undefined`, and keeps nothing, if the stream has ended, somebody else holds it, or it does not owe the
   * answer: a node that was paused must not go on where others have taken over.
   *
   * @param data - A message as JSON; `undefined` for an event that only gives the client an id to resume from.
   */
  append(
    sessionId: string,
    streamId: string,
    data: string | undefined,
    options?: AppendOptions,
  ): Awaitable<string | undefined>;
  /** Ends a stream: all its events have been appended. */
  end(sessionId: string, streamId: string): Awaitable<void>;
  /**
   * What followed an event on its stream.
   *
   * Resolves to `undefined` if the log does not know the stream, or not any more.
   */
  after(sessionId: string, eventId: string): Promise<LaterEvents | undefined>;
  /**
   * Makes `holder` the only one that may `take` the events of a stream, such as the connection of the newest GET. The
   * stream need not exist.
   *
   * @param eventId - An event of the stream, after which the next `take` begins. @default where the last one ended
   * @returns `undefined` if the log cannot tell everything that followed `eventId`. Then nobody holds the stream, the next
   *   `take` begins with all that there is, and nothing was `told`.
   */
  hold(sessionId: string, streamId: string, holder: string, eventId?: string): Promise<Held | undefined>;
  /**
   * What was appended to a stream and that nobody has taken, each event once. Resolves to `undefined` if `holder` does not
   * hold the stream: another one does, or the log has forgotten the session since.
   *
   * @param after - The number of the last event that `holder` has got. A `take` that was rejected may have taken events
   *   nevertheless: this is how `holder` gets them. @default the number of the last event that was taken
   */
  take(sessionId: string, streamId: string, holder: string, after?: number): Awaitable<LoggedEvent[] | undefined>;
  /**
   * Calls `listener` with the id of a stream of the session whenever something was appended to it, or it has ended, or
   * has another holder; on any node. It may be called late, or too often, or, while the engine is unavailable, not at all.
   *
   * @returns A function that ends that.
   */
  follow(sessionId: string, listener: (streamId: string) => void): Promise<() => void>;
  /** Keeps a session from being forgotten: it is in use, even if nothing is sent. */
  touch(sessionId: string): Promise<void>;
  /** Forgets a session. */
  delete(sessionId: string): Promise<void>;
  /** Forgets what has expired. Does nothing in engines where that happens by itself. */
  prune(): Promise<void>;
  /** How many bytes it keeps, as its bounds count them. @default an engine that leaves it out does not tell */
  bytes?(): number;
}
