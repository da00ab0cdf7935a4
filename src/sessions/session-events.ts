/**
 * The events of one session in the log, without gaps: an event that a client can resume from is followed by everything
 * that was sent after it.
 */
import { errorOf } from '../transport/call.ts';
import type { StreamLog } from '../transport/streams.ts';
import type { EventLog } from '../contracts/event-log.ts';

/** Options for {@link createSessionEvents}. */
export interface SessionEventsOptions {
  sessionId: string;
  eventLog: EventLog;
  /** Receives the errors of the log. */
  onerror: (error: Error) => void;
}

/** Makes the view that one session has of the log. */
export function createSessionEvents({ sessionId, eventLog, onerror }: SessionEventsOptions): StreamLog {
  /** Set when an event could not be logged. Then the events before it must go too, so that nobody resumes across the gap. */
  let hasGap = false;
  let isClosed = false;

  async function forgetBeforeGap(): Promise<void> {
    if (hasGap) await eventLog.delete(sessionId);
    hasGap = false;
  }

  function report(error: unknown): void {
    onerror(errorOf(error));
  }

  return {
    async append(streamId, data, mayBeLost) {
      if (isClosed) return undefined;
      try {
        await forgetBeforeGap();
        return await eventLog.append(sessionId, streamId, data, mayBeLost);
      } catch (error) {
        hasGap = true;
        report(error);
        return undefined;
      }
    },
    async end(streamId) {
      if (!isClosed) await eventLog.end(sessionId, streamId).catch(report);
    },
    after: async (eventId) => (hasGap ? undefined : eventLog.after(sessionId, eventId)),
    async tail(streamId, eventId) {
      try {
        return await eventLog.tail(sessionId, streamId, eventId);
      } catch (error) {
        report(error);
        return [];
      }
    },
    async close() {
      isClosed = true;
      await forgetBeforeGap().catch(report);
    },
  };
}
