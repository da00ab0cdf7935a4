/**
 * Event streams on their way out, with three bounds: how much may wait for a slow reader, when the token expires that
 * the stream was opened with, and an end that is noticed exactly once.
 *
 * A reader that falls too far behind loses its connection, rather than the server its memory. Our own streams
 * (`event-stream.ts`) write into such a body; a stream that the SDK made is wrapped in one.
 */
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';
import { isEventStream } from '../protocol/accept.ts';

/** How much may wait for one reader before its connection is given up: some thousand events of usual size. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** How long a stream may outlive its token, in milliseconds: more than clocks differ by, plus time for a last event. */
export const GRACE_MS = 30_000;

/** Options for {@link createBoundedBody} and {@link boundedResponse}. */
export interface BoundedBodyOptions {
  clock: Pick<Clock, 'now' | 'after'>;
  /** When the caller's token expires, in seconds since 1970. The stream ends a little later. @default never */
  expiresAt?: number | undefined;
  /** Counts open streams. @default nobody does */
  openStreams?: Pick<CallsInFlight, 'begin'> | undefined;
  /** Most bytes that may wait for the reader. The next event after that fails the stream. @default 4 MiB */
  maxBufferedBytes?: number;
  /** Called once: when the body has ended or failed, the reader has gone, or the token has expired. Gets the error, if there is one. */
  onEnd: (reason?: unknown) => void;
}

/** A body to write to. Whatever is written after its end is dropped. */
export interface BoundedBody {
  readonly stream: ReadableStream<Uint8Array>;
  write(chunk: Uint8Array): void;
  end(): void;
  /** Breaks the connection instead of ending it. */
  fail(error: unknown): void;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Makes an open body. */
export function createBoundedBody(options: BoundedBodyOptions): BoundedBody {
  const { clock, expiresAt, maxBufferedBytes = MAX_BUFFERED_BYTES, onEnd } = options;
  const leave = options.openStreams?.begin();
  let open: Controller | undefined;

  function finish(close?: (controller: Controller) => void, reason?: unknown): void {
    const controller = open;
    if (!controller) return;
    open = undefined;
    leave?.();
    cancelExpiry?.();
    close?.(controller);
    onEnd(reason);
  }

  const end = () => finish((controller) => controller.close());
  const fail = (error: unknown) => finish((controller) => controller.error(error), error);
  const stream = new ReadableStream<Uint8Array>(
    { start: (controller) => void (open = controller), cancel: (reason) => finish(undefined, reason) },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBufferedBytes }),
  );
  // To a client of the 2025 revisions this is a broken connection: it resumes, and needs a valid token for that.
  const cancelExpiry =
    expiresAt === undefined ? undefined : clock.after(expiresAt * 1000 + GRACE_MS - clock.now(), end);
  return {
    stream,
    write(chunk) {
      // desiredSize is what is left of the bound. A single event may exceed it: it is in memory already.
      if (open && (open.desiredSize ?? 0) <= 0) fail(slowReaderError());
      else open?.enqueue(chunk);
    },
    end,
    fail,
  };
}

/** Options for {@link boundedResponse}. */
export interface BoundedResponseOptions extends BoundedBodyOptions {
  /** Returns what to send for a chunk of the SDK. @default the chunk */
  mapChunk?: (chunk: Uint8Array) => Uint8Array;
  /** Returns what to send at the end of a stream, given the last chunk of the SDK. @default nothing */
  lastWords?: (lastChunk: Uint8Array | undefined) => Uint8Array | undefined;
}

/**
 * Returns `response` with its body bounded if it is an event stream, and as it is otherwise. The SDK writes to its
 * streams without asking whether anybody reads them.
 *
 * `onEnd` is called once, when the stream has ended for any reason; right away if the response is not a stream.
 */
export function boundedResponse(response: Response, options: BoundedResponseOptions): Response {
  // In this order: in @hono/node-server, reading the `body` of a string response turns it into a stream.
  if (!isEventStream(response) || response.body === null) {
    options.onEnd();
    return response;
  }
  const source = response.body.getReader();
  const body = createBoundedBody({
    ...options,
    onEnd(reason) {
      // Tells the call behind the stream, as when its client goes away. A source that has ended ignores it.
      source.cancel(reason).catch(() => {});
      options.onEnd(reason);
    },
  });
  void pump(source, body, options);
  const headers = new Headers(response.headers);
  // The SDK asks for keep-alive even if the client wants the connection closed (RFC 9112 section 9.6).
  headers.delete('connection');
  return new Response(body.stream, { status: response.status, headers });
}

async function pump(
  source: ReadableStreamDefaultReader<Uint8Array>,
  body: BoundedBody,
  { mapChunk = (chunk) => chunk, lastWords }: BoundedResponseOptions,
): Promise<void> {
  let last: Uint8Array | undefined;
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      body.write(mapChunk(value));
      last = value;
    }
    const words = lastWords?.(last);
    if (words) body.write(words);
    body.end();
  } catch (error) {
    body.fail(error);
  }
}

/** Without a stack: the HTTP adapter prints the error of a failed body, and one line is enough. */
function slowReaderError(): Error {
  const error = new Error('The reader is too slow');
  delete error.stack;
  return error;
}
