/** What a transport asks of the log of its session's events. `sessions/session-events.ts` is the one implementation. */

/** The events of one session. */
export interface StreamLog {
  /** Logs an event and resolves to its id; to `undefined` when it was not logged. Never rejects. */
  append(streamId: string, data: string | undefined): Promise<string | undefined>;
  /** The stream of an event, and what came after it there; `undefined` when the log does not hold the event. */
  after(eventId: string): Promise<{ streamId: string; events: { id: string; data: string | undefined }[] } | undefined>;
  /** From now on logs nothing. */
  close(): Promise<void>;
}
