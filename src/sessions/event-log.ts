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
  /** A message as JSON; `undefined` for an event that only gives the client an id to resume from. */
  data: string | undefined;
}

/**
 * Keeps events in the order of `append`, within limits on their number, size and age.
 *
 * The oldest events go first. So if a log still holds an event, it holds every event after it, and what it returns is
 * complete.
 */
export interface EventLog {
  /** Keeps an event of a stream and resolves to its id. Calls for one session take effect in the order they are made. */
  append(sessionId: string, streamId: string, data: string | undefined): Promise<string>;
  /**
   * The stream of an event, and what followed it on that stream.
   *
   * Resolves to `undefined` if the session's log does not hold the event, or not any more.
   */
  after(sessionId: string, eventId: string): Promise<{ streamId: string; events: LoggedEvent[] } | undefined>;
  /** Forgets a session. */
  delete(sessionId: string): Promise<void>;
  /** Forgets expired events. Does nothing in engines that expire them by themselves. */
  prune(): Promise<void>;
}
