/**
 * What was sent on the streams of each session, for a while, so that a client whose connection broke can
 * have what it missed (2025-11-25, "Resumability and redelivery").
 *
 * This file is the contract; `memory-event-log.ts` is one engine for it, and
 * `test/memory/event-log.contract.ts` is what "keeps the contract" means.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */

/** One event of a stream. */
export interface LoggedEvent {
  /** Unique within the session; names the stream and its place in it. */
  id: string;
  /** A message as JSON; `undefined` for an event without one, which primes the client with an id to resume from. */
  data: string | undefined;
}

/**
 * Keeps events in the order of `append`, within bounds of count, bytes and age.
 *
 * The oldest go first. So a log that still holds an event holds all that came after it, and what it
 * returns is complete.
 */
export interface EventLog {
  /** Keeps an event of a stream; resolves to its id. Calls for one session take effect in the order they are made. */
  append(sessionId: string, streamId: string, data: string | undefined): Promise<string>;
  /**
   * The stream that an event is of, and what came after it on that stream.
   *
   * Resolves to `undefined` when the session's log does not hold the event: never did, or does no more.
   */
  after(sessionId: string, eventId: string): Promise<{ streamId: string; events: LoggedEvent[] } | undefined>;
  /** Forgets a session. */
  delete(sessionId: string): Promise<void>;
  /** Forgets what is over age. Engines that do so by themselves do nothing. */
  prune(): Promise<void>;
}
