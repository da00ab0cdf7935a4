/**
 * The events of one session in the log, without gaps: an event that a client can resume from is followed by everything
 * that was sent after it.
 */
import { parseEventId, type EventId } from '../contracts/event-id.ts';
import type { AppendOptions, EventLog } from '../contracts/event-log.ts';
import type { Relay } from '../contracts/relay.ts';
import { GET_STREAM_ID, type StreamLog } from '../streams/stream-log.ts';
import { errorOf } from '../transport/call.ts';

/** Options for {@link createSessionEvents}. */
export interface SessionEventsOptions {
  sessionId: string;
  eventLog: EventLog;
  /** Knows which nodes are running. */
  relay: Pick<Relay, 'node' | 'isAlive'>;
  /** Receives the errors of the log. */
  onerror: (error: Error) => void;
  /** Called when there is no gap any more. */
  onmend: () => void;
}

/** Makes the view that one session has of the log. */
export function createSessionEvents({ sessionId, eventLog, relay, onerror, onmend }: SessionEventsOptions): StreamLog {
  /** Set when an event could not be logged. Then the events before it must go too, so that nobody resumes across the gap. */
  let hasGap = false;
  let isClosed = false;
  /** The last event that was appended here. */
  let last: EventId | undefined;
  let forgetting: Promise<void> | undefined;

  async function forgetBeforeGap(): Promise<void> {
    // Once at a time: the event that comes next must not be forgotten, too.
    if (hasGap) await (forgetting ??= forget().finally(() => (forgetting = undefined)));
  }

  async function forget(): Promise<void> {
    await eventLog.delete(sessionId);
    hasGap = false;
    onmend();
  }

  function report(error: unknown): void {
    onerror(errorOf(error));
  }

  return {
    get hasGap() {
      return hasGap;
    },
    mend: () => forgetBeforeGap().catch(report),
    async append(streamId, data, { owes, ...how } = {}) {
      if (isClosed) return { id: undefined, isRefused: false };
      try {
        await forgetBeforeGap();
        const options: AppendOptions = { ...how, owes: owes && { node: relay.node, calls: owes } };
        const id = await eventLog.append(sessionId, streamId, data, options);
        if (id === undefined) return { id, isRefused: true };
        const appended = parseEventId(id);
        // The engine has come back with older data, and gives numbers once more: nobody may resume from those of before.
        if (last && appended?.tag === last.tag && appended.number <= last.number)
          throw new Error('The log has gone back');
        last = appended;
        return { id, isRefused: false };
      } catch (error) {
        hasGap = true;
        report(error);
        return { id: undefined, isRefused: false };
      }
    },
    async end(streamId) {
      if (isClosed) return;
      // A stream must not end without the event that is missing: whoever resumes it would take it for complete.
      await (hasGap ? forgetBeforeGap() : eventLog.end(sessionId, streamId)).catch(report);
    },
    async after(eventId) {
      const found = hasGap ? undefined : await eventLog.after(sessionId, eventId);
      if (!found) return undefined;
      const { owed, ...missed } = found;
      // Nothing follows the last answer, even if the log could not be told that the stream has ended.
      const hasEnded = missed.hasEnded || owed?.calls.length === 0;
      // Whoever asks does not run these calls, or would know the stream: if this node did, it was before the session left memory.
      const isAbandoned = !owed || owed.node === relay.node || !(await relay.isAlive(owed.node));
      return { ...missed, hasEnded, abandoned: isAbandoned ? (owed?.calls ?? []) : undefined };
    },
    async hold(holder, eventId) {
      await forgetBeforeGap();
      return eventLog.hold(sessionId, GET_STREAM_ID, holder, eventId);
    },
    async take(holder, after) {
      try {
        // What could not be logged was sent without the log, which may have taken it nevertheless.
        await forgetBeforeGap();
        return await eventLog.take(sessionId, GET_STREAM_ID, holder, after);
      } catch (error) {
        report(error);
        return 'unavailable';
      }
    },
    follow: (listener) => eventLog.follow(sessionId, listener),
    async close() {
      isClosed = true;
      await forgetBeforeGap().catch(report);
    },
  };
}
