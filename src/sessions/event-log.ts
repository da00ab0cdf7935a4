/**
 * The contract of an event log: it keeps what was sent on the streams of each session for a while, so that a client
 * whose connection broke can have what it missed.
 *
 * `memory/memory-event-log.ts` implements it in this process. `test/memory/event-log.contract.ts` tests any
 * implementation.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */

/** One event of a stream. */
export interface LoggedEvent {
  /** Unique within the session. Identifies the stream and the place in it. */
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
}

/**
 * Keeps events in the order of `append`, within limits on their number, size and age.
 *
 * A stream begins with its first event. Until it ends, a client can resume it from any event, however long ago that was
 * sent: the log may lose events that are allowed to be lost, but never the place in the stream. Streams that have ended
 * go first, as a whole and the oldest first, after a while or to make room. Only when that does not make enough room for all
 * sessions is the log of one forgotten, the least recently used. A session that is neither appended to nor
 * touched for that while is forgotten.
 */
export interface EventLog {
  /**
   * Keeps an event of a stream and resolves to its id. Calls for one session take effect in the order they are made.
   *
   * @param data - A message as JSON; `undefined` for an event that only gives the client an id to resume from.
   * @param mayBeLost - Whether the stream is still worth resuming without this event. @default false
   */
  append(sessionId: string, streamId: string, data: string | undefined, mayBeLost?: boolean): Promise<string>;
  /** Ends a stream: all its events have been appended. */
  end(sessionId: string, streamId: string): Promise<void>;
  /**
   * What followed an event on its stream.
   *
   * Resolves to `undefined` if the log does not know the stream, or not any more.
   */
  after(sessionId: string, eventId: string): Promise<LaterEvents | undefined>;
  /**
   * What the log has of a stream, after one of its events. An event that it does not know, or not any more, counts as
   * the beginning.
   */
  tail(sessionId: string, streamId: string, eventId?: string): Promise<LoggedEvent[]>;
  /** Keeps a session from being forgotten: it is in use, even if nothing is sent. */
  touch(sessionId: string): Promise<void>;
  /** Forgets a session. */
  delete(sessionId: string): Promise<void>;
  /** Forgets what has expired. Does nothing in engines where that happens by itself. */
  prune(): Promise<void>;
}
