/**
 * The body of an event stream on its way out, with three bounds: what may wait for a slow reader, the expiry of the
 * token that it was opened with, and an end that is noticed exactly once.
 *
 * A reader that falls too far behind loses its connection, rather than the server its memory.
 */
import type { Clock } from '../lib/clock.ts';

/** What may wait for one reader before its connection is given up: some thousand events of usual size. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** How long a stream may outlive its token, in milliseconds: more than clocks may differ, and time for one last event. */
export const GRACE_MS = 30_000;
/** The longest that timers can wait, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options for {@link createBoundedBody}. */
export interface BoundedBodyOptions {
  clock: Pick<Clock, 'now' | 'after'>;
  /** When the caller's token expires, in seconds since 1970. The stream ends a little later. @default never */
  expiresAt?: number | undefined;
  /** The most that may wait for the reader, in bytes. The stream fails with the event that comes after that. @default 4 MiB */
  maxBufferedBytes?: number;
  /** Called once, when the body has ended or failed, its reader has gone, or its token has expired; with what went wrong, if anything. */
  onEnd: (reason?: unknown) => void;
}

/** A body that is written to. Whatever is written after its end is dropped. */
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
  let open: Controller | undefined;

  function finish(close?: (controller: Controller) => void, reason?: unknown): void {
    const controller = open;
    if (!controller) return;
    open = undefined;
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
  // Clients of the 2025 revisions come back for the rest, as from a connection that broke, and need a token for that.
  const cancelExpiry =
    expiresAt === undefined
      ? undefined
      : clock.after(Math.min(expiresAt * 1000 + GRACE_MS - clock.now(), MAX_TIMER_MS), end);
  return {
    stream,
    write(chunk) {
      // desiredSize is what is left of the bound. One event may be larger than that: it is in memory anyway.
      if (open && (open.desiredSize ?? 0) <= 0) fail(slowReaderError());
      else open?.enqueue(chunk);
    },
    end,
    fail,
  };
}

/** Without a stack: the HTTP adapter prints what a body fails with, and one line says this. */
function slowReaderError(): Error {
  const error = new Error('The reader is too slow');
  delete error.stack;
  return error;
}
