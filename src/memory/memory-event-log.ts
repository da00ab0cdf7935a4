/** Keeps the event log in this process. It is lost when the process ends. */
import { parseEventId } from '../contracts/event-id.ts';
import type { AppendOptions, EventLog, Held, LaterEvents, LoggedEvent } from '../contracts/event-log.ts';
import { Followers } from '../contracts/followers.ts';
import { MemoryStreams, type MemoryStreamsOptions, type StreamLog } from './memory-streams.ts';

/** Options for {@link createMemoryEventLog}. */
export type MemoryEventLogOptions = MemoryStreamsOptions;

/** Makes an empty log. */
export function createMemoryEventLog(options: MemoryEventLogOptions): EventLog {
  const log = new Log(options);
  return {
    append: (sessionId, streamId, data, how) => log.append(sessionId, streamId, data, how),
    end: (sessionId, streamId) => log.end(sessionId, streamId),
    after: async (sessionId, eventId) => log.after(sessionId, eventId),
    hold: async (sessionId, streamId, holder, eventId) => log.hold(sessionId, streamId, holder, eventId),
    take: (sessionId, streamId, holder, after) => log.take(sessionId, streamId, holder, after),
    follow: async (sessionId, listener) => log.followers.add(sessionId, listener),
    touch: async (sessionId) => log.streams.touch(sessionId),
    delete: async (sessionId) => log.streams.delete(sessionId),
    prune: async () => log.streams.prune(),
    bytes: () => log.streams.bytes,
  };
}

class Log {
  readonly streams: MemoryStreams;
  readonly followers = new Followers();

  constructor(options: MemoryEventLogOptions) {
    this.streams = new MemoryStreams(options);
  }

  append(
    sessionId: string,
    streamId: string,
    data: string | undefined,
    options: AppendOptions = {},
  ): string | undefined {
    const { mayBeLost = false, owes, settles, told = 0 } = options;
    const known = this.streams.find(sessionId, streamId);
    if (isRefused(known, options)) return undefined;
    const stream = known ?? this.streams.open(sessionId, streamId);
    this.streams.touch(sessionId);
    stream.owed ??= owes && { ...owes };
    if (stream.owed && settles !== undefined) stream.owed.calls = stream.owed.calls.filter((call) => call !== settles);
    stream.told = Math.max(stream.told, told);
    const id = this.streams.add(stream, data, mayBeLost);
    this.followers.wake(sessionId, streamId);
    return id;
  }

  end(sessionId: string, streamId: string): void {
    const stream = this.streams.find(sessionId, streamId);
    if (!stream) return;
    this.streams.end(stream);
    this.followers.wake(sessionId, streamId);
  }

  after(sessionId: string, eventId: string): LaterEvents | undefined {
    const { number = 0, streamId = '' } = parseEventId(eventId) ?? {};
    const stream = this.streams.find(sessionId, streamId);
    if (!stream || !isEventOf(stream, eventId)) return undefined;
    return {
      streamId,
      events: eventsAfter(number, stream),
      isComplete: number >= stream.lost,
      hasEnded: stream.endedAt !== undefined,
      owed: stream.owed && { ...stream.owed },
    };
  }

  hold(sessionId: string, streamId: string, holder: string, eventId: string | undefined): Held | undefined {
    const number = eventId === undefined ? undefined : parseEventId(eventId)?.number;
    const known = this.streams.find(sessionId, streamId);
    const isUsable = eventId === undefined || (known && isEventOf(known, eventId) && (number ?? 0) >= known.lost);
    if (!isUsable) {
      if (known) Object.assign(known, { holder: undefined, taken: 0, told: 0 });
      this.followers.wake(sessionId, streamId);
      return undefined;
    }
    const stream = this.streams.open(sessionId, streamId);
    stream.holder = holder;
    stream.taken = number ?? stream.taken;
    this.followers.wake(sessionId, streamId);
    return { told: stream.told, taken: stream.taken };
  }

  take(sessionId: string, streamId: string, holder: string, after: number | undefined): LoggedEvent[] | undefined {
    const stream = this.streams.find(sessionId, streamId);
    if (stream?.holder !== holder) return undefined;
    const events = eventsAfter(after ?? stream.taken, stream);
    stream.taken = stream.session.number;
    return events;
  }
}

/** Whether a node that was paused tries to go on where others have taken over. */
function isRefused(stream: StreamLog | undefined, { owes, settles, holder }: AppendOptions): boolean {
  if (stream?.endedAt !== undefined) return true;
  const owed = stream?.owed ?? owes;
  if (settles !== undefined && !owed?.calls.includes(settles)) return true;
  return holder !== undefined && stream?.holder !== holder;
}

function isEventOf({ session }: StreamLog, eventId: string): boolean {
  const id = parseEventId(eventId);
  return id !== undefined && id.tag === session.tag && id.number <= session.number;
}

function eventsAfter(last: number, { events }: StreamLog): LoggedEvent[] {
  return events.filter(({ number }) => number > last).map(({ id, data }) => ({ id, data }));
}
