/**
 * Streams on their way out: seeing when one has ended, and bounding what waits for a slow reader.
 *
 * Events wait for their reader in a queue with a limit: one that falls further behind loses its connection, not
 * the server its memory. Our own streams are made so; those of the SDK, which writes without asking whether
 * anybody takes what it writes, are watched.
 */
import { isEventStream } from '../protocol/accept.ts';
import type { Clock } from '../lib/clock.ts';

/** What may wait for one reader before its connection is given up: some thousand events of usual size. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** Keep caches and proxies from holding events back (`X-Accel-Buffering` is nginx's). */
const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};
/** How long a client should wait before it comes back for a stream that ended, in milliseconds. */
const RETRY_MS = 1000;
const encoder = new TextEncoder();

type Controller = ReadableStreamDefaultController<Uint8Array>;

/**
 * Returns `response` with its body watched.
 *
 * @param onEnd - Called once, when the body has been handed on whole, has failed, or its reader has gone;
 * at once when it is no event stream.
 * @param maxBufferedBytes - What may wait for the reader. The stream fails with the event that comes after that.
 */
export function watchBody(response: Response, onEnd: () => void, maxBufferedBytes = MAX_BUFFERED_BYTES): Response {
  // In this order: on Node.js, asking for the body of an answer that is a string makes a stream of it.
  if (!isEventStream(response) || response.body === null) {
    onEnd();
    return response;
  }
  const reader = response.body.getReader();
  let gone = false;

  async function pump(controller: Controller): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || gone) break;
        if (isBehind(controller)) throw slowReaderError();
        controller.enqueue(value);
      }
      if (!gone) controller.close();
    } catch (error) {
      controller.error(error);
      await reader.cancel(error).catch(() => {});
    } finally {
      onEnd();
    }
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        void pump(controller);
      },
      // Ends the pump's pending read, and with it the watch.
      cancel(reason) {
        gone = true;
        return reader.cancel(reason);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBufferedBytes }),
  );
  const headers = new Headers(response.headers);
  // The SDK asks for keep-alive, and would have it also where the client wants to be done (RFC 9112 section 9.6).
  headers.delete('connection');
  return new Response(body, { status: response.status, headers });
}

/** desiredSize is what is left of the limit. One event may be larger than that: it is in memory anyway. */
function isBehind(controller: Controller | undefined): boolean {
  const left = controller?.desiredSize;
  return left !== undefined && left !== null && left <= 0;
}

/** Without a stack: the HTTP adapter prints what a body fails with, and one line says this. */
function slowReaderError(): Error {
  const error = new Error('The reader is too slow');
  delete error.stack;
  return error;
}

/** An event (HTML standard, "Server-sent events"). */
export interface StreamEvent {
  /** What a client that comes back names; `undefined` for an event that it cannot come back for. */
  id: string | undefined;
  /** A message as JSON; `undefined` for an event that is there for its id. */
  data: string | undefined;
}

/** An answer that is a stream of events. */
export interface EventStream {
  readonly response: Response;
  /** Sends an event; dropped when the stream has ended or the reader has gone. */
  send(event: StreamEvent): void;
  end(): void;
}

/** What {@link createEventStream} is made from. */
export interface EventStreamOptions {
  /** Further headers of the response. */
  headers: Record<string, string>;
  clock: Pick<Clock, 'every'>;
  /** Milliseconds between comments that keep the connection from being cut on the way; 0 for none. */
  keepAliveMs: number;
  /** Called once, when the stream has been ended, its reader has gone, or was given up. */
  onend: () => void;
  /** What may wait for the reader. The stream fails with the event that comes after that. @default 4 MiB */
  maxBufferedBytes?: number;
}

/** Makes an event stream. */
export function createEventStream(options: EventStreamOptions): EventStream {
  const { headers, clock, keepAliveMs, onend, maxBufferedBytes = MAX_BUFFERED_BYTES } = options;
  let open: Controller | undefined;

  function end(close: (controller: Controller) => void): void {
    const controller = open;
    if (!controller) return;
    open = undefined;
    stopKeepAlive();
    close(controller);
    onend();
  }

  function write(text: string): void {
    if (isBehind(open)) end((controller) => controller.error(slowReaderError()));
    else open?.enqueue(encoder.encode(text));
  }

  const body = new ReadableStream<Uint8Array>(
    { start: (controller) => void (open = controller), cancel: () => end(() => {}) },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBufferedBytes }),
  );
  const stopKeepAlive = keepAliveMs > 0 ? clock.every(keepAliveMs, () => write(': keepalive\n\n')) : () => {};
  return {
    response: new Response(body, { headers: { ...EVENT_STREAM_HEADERS, ...headers } }),
    send: ({ id, data }) => write(eventText(id, data)),
    end: () => end((controller) => controller.close()),
  };
}

function eventText(id: string | undefined, data: string | undefined): string {
  if (data === undefined) return `id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`;
  return `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}
