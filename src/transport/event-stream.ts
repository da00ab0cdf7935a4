/** Event streams of our own, which answer calls and GET requests of the 2025 revisions. */
import type { Clock } from '../lib/clock.ts';
import { createBoundedBody, type BoundedBodyOptions } from './bounded-body.ts';

/** Keep caches and proxies from holding events back (`X-Accel-Buffering` is nginx's). */
const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};
/** How long a client should wait before it comes back for a stream that ended, in milliseconds. */
const RETRY_MS = 1000;
const encoder = new TextEncoder();

/** An event (HTML standard, "Server-sent events"). */
export interface StreamEvent {
  /** What a client that comes back names; `undefined` for an event that cannot be resumed from. */
  id: string | undefined;
  /** A message as JSON; `undefined` for an event that only carries an id. */
  data: string | undefined;
}

/** An answer that is a stream of events. */
export interface EventStream {
  readonly response: Response;
  /** Sends an event; dropped when the stream has ended or the reader has gone. */
  send(event: StreamEvent): void;
  end(): void;
}

/** Options for {@link createEventStream}. */
export interface EventStreamOptions extends BoundedBodyOptions {
  /** Further headers of the response. */
  headers: Record<string, string>;
  clock: Pick<Clock, 'now' | 'after' | 'every'>;
  /** Milliseconds between comments that keep the connection from being cut by something in between; 0 for none. */
  keepAliveMs: number;
}

/** Makes an event stream. */
export function createEventStream(options: EventStreamOptions): EventStream {
  const { headers, clock, keepAliveMs, onEnd } = options;
  const body = createBoundedBody({
    ...options,
    onEnd(reason) {
      stopKeepAlive?.();
      onEnd(reason);
    },
  });
  const write = (text: string) => body.write(encoder.encode(text));
  const stopKeepAlive = keepAliveMs > 0 ? clock.every(keepAliveMs, () => write(': keepalive\n\n')) : undefined;
  return {
    response: new Response(body.stream, { headers: { ...EVENT_STREAM_HEADERS, ...headers } }),
    send: ({ id, data }) => write(eventText(id, data)),
    end: () => body.end(),
  };
}

function eventText(id: string | undefined, data: string | undefined): string {
  if (data === undefined) return `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`;
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}
