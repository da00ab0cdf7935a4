/**
 * The events of one session in the log, without gaps: what a client may resume from is followed by all that
 * was sent after it.
 */
import type { StreamLog } from '../transport/stream-log.ts';
import type { EventLog } from './event-log.ts';

/** What {@link createSessionEvents} is made from. */
export interface SessionEventsOptions {
  sessionId: string;
  eventLog: EventLog;
  /** Takes what the log fails with. */
  onerror: (error: Error) => void;
}

/** Logs the events of one session, and finds them again. */
export interface SessionEvents extends StreamLog {
  /** While true, messages belong to no stream that a client has, and are not logged. */
  isMuted: boolean;
}

/** Makes the events of a session. */
export function createSessionEvents({ sessionId, eventLog, onerror }: SessionEventsOptions): SessionEvents {
  /** Set when an event could not be logged: what came before must go too, lest somebody resume across the gap. */
  let hasGap = false;
  let isClosed = false;

  async function forgetBeforeGap(): Promise<void> {
    if (hasGap) await eventLog.delete(sessionId);
    hasGap = false;
  }

  function report(error: unknown): void {
    onerror(error instanceof Error ? error : new Error(String(error)));
  }

  return {
    isMuted: false,
    async append(streamId, data) {
      if (this.isMuted || isClosed) return undefined;
      try {
        await forgetBeforeGap();
        return await eventLog.append(sessionId, streamId, data);
      } catch (error) {
        hasGap = true;
        report(error);
        return undefined;
      }
    },
    after: async (eventId) => (hasGap ? undefined : eventLog.after(sessionId, eventId)),
    async close() {
      isClosed = true;
      await forgetBeforeGap().catch(report);
    },
  };
}
