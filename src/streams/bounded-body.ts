/**
 * The body of an event stream, with three bounds: how much may wait for a slow reader, when the token expires that the
 * stream was opened with, and an end that is noticed exactly once.
 *
 * A reader that falls too far behind loses its connection, rather than the server its memory. The body is a
 * `ReadableStream` on every runtime. A runtime that has a faster way connects an {@link Outlet} instead
 * (`shortcuts/direct-stream.ts`).
 */
import type { CallsInFlight } from '../lib/calls-in-flight.ts';
import type { Clock } from '../lib/clock.ts';

/** How much may wait for one reader before its connection is given up: some thousand events of usual size. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;
/** How long a stream may outlive its token, in milliseconds: more than clocks differ by, plus time for a last event. */
export const GRACE_MS = 30_000;

const encoder = new TextEncoder();
const bodies = new WeakMap<Response, BoundedBody>();

/** Options for {@link BoundedBody}. */
export interface BoundedBodyOptions {
  clock: Pick<Clock, 'now' | 'after'>;
  /** When the caller's token expires, in seconds since 1970. The stream ends a little later. @default never */
  expiresAt?: number | undefined;
  /** Counts open streams. @default nobody does */
  openStreams?: Pick<CallsInFlight, 'begin'> | undefined;
  /** Most bytes that may wait for the reader. The next event after that fails the stream. @default 4 MiB */
  maxBufferedBytes?: number;
}

/** Called once: when the body has ended or failed, the reader has gone, or the token has expired. Gets the error, if there is one. */
export type OnEnd = (reason?: unknown) => void;

/** Takes what is written to a body, in place of the reader of its stream. */
export interface Outlet {
  /** How many bytes wait for the reader. */
  readonly waitingBytes: number;
  write(chunk: string | Uint8Array): void;
  end(): void;
  /** Breaks the connection instead of ending it. */
  fail(): void;
}

/** A body to write to. Whatever is written after its end is dropped. */
export class BoundedBody {
  readonly #maxBufferedBytes: number;
  readonly #onEnd: OnEnd;
  readonly #leave: (() => void) | undefined;
  readonly #cancelExpiry: (() => void) | undefined;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #outlet: Outlet | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** What has been written but neither read nor taken by an outlet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Whether somebody is reading while nothing waits. */
  #isAwaited = false;

  constructor(options: BoundedBodyOptions, onEnd: OnEnd) {
    const { clock, expiresAt, openStreams, maxBufferedBytes = MAX_BUFFERED_BYTES } = options;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#onEnd = onEnd;
    this.#leave = openStreams?.begin();
    // To a client of the 2025 revisions this is a broken connection: it resumes, and needs a valid token for that.
    this.#cancelExpiry =
      expiresAt === undefined ? undefined : clock.after(expiresAt * 1000 + GRACE_MS - clock.now(), () => this.end());
  }

  /** Makes the response that has this body, once. */
  response(init: ResponseInit): Response {
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => void (this.#controller = controller);
    const pull = () => this.#pull();
    const cancel = (reason: unknown) => this.cancel(reason);
    const stream = new ReadableStream<Uint8Array>({ start, pull, cancel }, { highWaterMark: 0 });
    const response = new Response(stream, init);
    bodies.set(response, this);
    return response;
  }

  write(chunk: string | Uint8Array): void {
    if (this.#state !== 'open') return;
    const waitingBytes = this.#outlet ? this.#outlet.waitingBytes : this.#waitingBytes;
    // A single event may exceed the bound: it is in memory already.
    if (waitingBytes >= this.#maxBufferedBytes) return this.fail(slowReaderError());
    if (this.#outlet) return this.#outlet.write(chunk);
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
    if (this.#isAwaited) {
      this.#isAwaited = false;
      this.#controller?.enqueue(bytes);
    } else {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.byteLength;
    }
  }

  end(): void {
    if (!this.#finish('ended')) return;
    if (this.#outlet) this.#outlet.end();
    else if (this.#waiting.length === 0) this.#controller?.close();
    this.#onEnd();
  }

  /** Breaks the connection instead of ending it. */
  fail(error: unknown): void {
    if (!this.#finish('failed')) return;
    if (this.#outlet) this.#outlet.fail();
    else this.#controller?.error(error);
    this.#onEnd(error);
  }

  /** To be called when the reader has gone. */
  cancel(reason?: unknown): void {
    if (this.#finish('failed')) this.#onEnd(reason);
  }

  /** Gives an outlet what waits, and whatever is written from now on. */
  connect(outlet: Outlet): void {
    for (const chunk of this.#waiting) outlet.write(chunk);
    this.#waiting = [];
    this.#outlet = outlet;
    if (this.#state === 'ended') outlet.end();
    if (this.#state === 'failed') outlet.fail();
  }

  #finish(state: 'ended' | 'failed'): boolean {
    if (this.#state !== 'open') return false;
    this.#state = state;
    this.#leave?.();
    this.#cancelExpiry?.();
    return true;
  }

  #pull(): void {
    const chunk = this.#waiting.shift();
    if (chunk) {
      this.#waitingBytes -= chunk.byteLength;
      this.#controller?.enqueue(chunk);
      if (this.#state === 'ended' && this.#waiting.length === 0) this.#controller?.close();
    } else {
      this.#isAwaited = true;
    }
  }
}

/** The body of a response, to connect an outlet to; `undefined` if the response was not made by one, or is a copy. */
export function bodyOf(response: Response): BoundedBody | undefined {
  return bodies.get(response);
}

/** Without a stack: the HTTP adapter prints the error of a failed body, and one line is enough. */
function slowReaderError(): Error {
  const error = new Error('The reader is too slow');
  delete error.stack;
  return error;
}
