/**
 * Streams on their way out: seeing when one has ended, and bounding what waits for a slow reader.
 *
 * The SDK writes events into its streams without asking whether anybody takes them. Here they pass through
 * a queue with a limit: a reader that falls further behind loses its connection, not the server its memory.
 */
import { isEventStream } from './accept.ts';

/** What may wait for one reader before its connection is given up: some thousand events of usual size. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/**
 * Returns `response` with its body watched.
 *
 * @param onEnd - Called once, when the body has been handed on whole, has failed, or its reader has gone;
 * at once when it is no event stream.
 * @param maxBufferedBytes - What may wait for the reader. The stream fails with the event that comes after that.
 */
export function watchBody(response: Response, onEnd: () => void, maxBufferedBytes = MAX_BUFFERED_BYTES): Response {
  if (response.body === null || !isEventStream(response)) {
    onEnd();
    return response;
  }
  const reader = response.body.getReader();
  let gone = false;

  async function pump(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || gone) break;
        // desiredSize is what is left of the limit. One event may be larger than that: it is in memory anyway.
        if (controller.desiredSize !== null && controller.desiredSize <= 0) throw slowReaderError();
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

/** Without a stack: the HTTP adapter prints what a body fails with, and one line says this. */
function slowReaderError(): Error {
  const error = new Error('The reader is too slow');
  delete error.stack;
  return error;
}

/** Returns `response` with `text` before its body. */
export function prefixed(response: Response, text: string): Response {
  const source = response.body?.getReader();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
    },
    async pull(controller) {
      const next = await source?.read();
      if (next?.value) controller.enqueue(next.value);
      else controller.close();
    },
    cancel: (reason) => source?.cancel(reason),
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
