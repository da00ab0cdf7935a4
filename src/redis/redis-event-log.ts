/**
 * Keeps the event log in Redis. The streams of a session are told apart in its log, a hash; their events are Redis streams
 * with our numbers as ids. The bound on all sessions together is Redis's own, `maxmemory`.
 */
import { createEventTag, formatEventId, parseEventId } from '../contracts/event-id.ts';
import { EVENT_LOG_BOUNDS, type EventLogBounds } from '../contracts/event-log.ts';
import type { AppendOptions, EventLog, Held, LaterEvents, LoggedEvent } from '../contracts/event-log.ts';
import type { Clock } from '../lib/clock.ts';
import { AFTER, APPEND, DELETE_LOG, END, HOLD, TAKE, TOUCH_LOG } from '../lua/event-scripts.ts';
import type { Script } from '../lua/script.ts';
import type { Channels } from './channels.ts';
import type { Connection, Reply } from './connection.ts';
import { channelOf, logKeys } from '../lua/keys.ts';

/** Options for {@link createRedisEventLog}. The bounds that are left out are those of `EVENT_LOG_BOUNDS`. */
export interface RedisEventLogOptions extends Partial<EventLogBounds> {
  connection: Connection;
  channels: Channels;
  clock: Pick<Clock, 'now'>;
}

/** How a message on the channel of a session begins that names a stream to look at. */
const STREAM = 's';

/** Makes a log. */
export function createRedisEventLog(options: RedisEventLogOptions): EventLog {
  const log = new Log(options);
  return {
    append: (sessionId, streamId, data, how) => log.append(sessionId, streamId, data, how),
    end: async (sessionId, streamId) => void (await log.run(END, sessionId, streamId)),
    after: (sessionId, eventId) => log.after(sessionId, eventId),
    hold: (sessionId, streamId, holder, eventId) => log.hold(sessionId, streamId, holder, eventId),
    take: (sessionId, streamId, holder, after) => log.take(sessionId, streamId, holder, after),
    follow: (sessionId, listener) => log.follow(sessionId, listener),
    touch: async (sessionId) => void (await log.run(TOUCH_LOG, sessionId, '')),
    delete: async (sessionId) => void (await log.run(DELETE_LOG, sessionId, '')),
    prune: () => Promise.resolve(),
  };
}

class Log {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #bounds: EventLogBounds;

  constructor({ connection, channels, clock, ...bounds }: RedisEventLogOptions) {
    this.#connection = connection;
    this.#channels = channels;
    this.#clock = clock;
    this.#bounds = { ...EVENT_LOG_BOUNDS, ...bounds };
  }

  async append(
    sessionId: string,
    streamId: string,
    data: string | undefined,
    { mayBeLost = false, owes, settles, holder = '', told = 0 }: AppendOptions = {},
  ): Promise<string | undefined> {
    const field = mayBeLost ? 'losable' : 'event';
    const reply = await this.run(APPEND, sessionId, streamId, [
      createEventTag(),
      this.#bounds.maxEventsPerStream,
      this.#bounds.maxBytesPerStream,
      ...(data === undefined ? ['', ''] : [field, data]),
      holder,
      told,
      settles === undefined ? '' : JSON.stringify(settles),
      owes?.node ?? '',
      ...(owes?.calls ?? []).map((call) => JSON.stringify(call)),
    ]);
    if (!reply) return undefined;
    const [number, tag] = reply as [number, string];
    return formatEventId({ number, tag, streamId });
  }

  async after(sessionId: string, eventId: string): Promise<LaterEvents | undefined> {
    const id = parseEventId(eventId);
    if (!id) return undefined;
    const { streamId, tag } = id;
    const reply = await this.run(AFTER, sessionId, streamId, [tag, id.number]);
    if (!reply) return undefined;
    const [entries = null, isComplete, hasEnded, node, calls] = reply as Reply[];
    return {
      streamId,
      events: eventsOf(entries, tag, streamId),
      isComplete: isComplete === 1,
      hasEnded: hasEnded === 1,
      owed: typeof node === 'string' ? { node, calls: (calls as string[]).map((call) => JSON.parse(call)) } : undefined,
    };
  }

  async hold(sessionId: string, streamId: string, holder: string, eventId?: string): Promise<Held | undefined> {
    const id = eventId === undefined ? undefined : parseEventId(eventId);
    const isOfStream = id?.streamId === streamId;
    const event = eventId === undefined ? ['', 0] : [isOfStream ? id.tag : 'none', isOfStream ? id.number : 0];
    const reply = await this.run(HOLD, sessionId, streamId, [createEventTag(), holder, ...event]);
    if (!reply) return undefined;
    const [told, taken] = reply as [number, number];
    return { told, taken };
  }

  async take(sessionId: string, streamId: string, holder: string, after?: number): Promise<LoggedEvent[] | undefined> {
    const reply = await this.run(TAKE, sessionId, streamId, [holder, after ?? '']);
    if (!reply) return undefined;
    const [tag, entries] = reply as [string, Reply];
    return eventsOf(entries, tag, streamId);
  }

  follow(sessionId: string, listener: (streamId: string) => void): Promise<() => void> {
    let isFollowing = true;
    const onmessage = (text: string) => {
      if (isFollowing && text.startsWith(STREAM)) listener(text.slice(STREAM.length));
    };
    const lookAtAll = async () => {
      // If this fails, streams are looked at in the next round of `sessions/session-upkeep.ts`.
      const fields = (await this.#connection.call('HKEYS', logKeys(sessionId).log).catch(() => [])) as string[];
      for (const field of fields) if (isFollowing && field.startsWith(':')) listener(field.slice(1));
    };
    const leaving = this.#channels.follow(channelOf(sessionId, this.#connection.db), {
      onmessage,
      ongap: () => void lookAtAll(),
    });
    return leaving.then((leave) => () => {
      isFollowing = false;
      leave();
    });
  }

  run(script: Script, sessionId: string, streamId: string, args: (string | number)[] = []): Promise<Reply> {
    const { log, ended, streams } = logKeys(sessionId);
    const { maxAgeMs, maxBytesPerSession } = this.#bounds;
    const common = [streams, this.#clock.now(), maxAgeMs, maxBytesPerSession];
    const channel = [this.#connection.publish, channelOf(sessionId, this.#connection.db), streamId];
    return this.#connection.run(script, [log, ended, streams + streamId], [...common, ...channel, ...args]);
  }
}

/** Events from entries as `XRANGE` returns them: an id, and one field with its value. */
function eventsOf(entries: Reply, tag: string, streamId: string): LoggedEvent[] {
  return (entries as [string, [string, string]][]).map(([entry, [, data]]) => ({
    id: formatEventId({ number: parseInt(entry, 10), tag, streamId }),
    data,
  }));
}
