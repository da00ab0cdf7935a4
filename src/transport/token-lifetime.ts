/** A stream does not outlive the token it was opened with by more than a moment. */
import { isEventStream } from '../protocol/accept.ts';
import type { Caller } from '../auth/caller.ts';
import type { Clock } from '../lib/clock.ts';

/** How long a stream may outlive its token, in milliseconds: more than clocks may differ, and time for one last event. */
export const GRACE_MS = 30_000;
/** The longest that timers can wait, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Returns `response`, which ends when the caller's token has expired, if it is a stream and the token does expire.
 *
 * It ends as a stream that broke would: clients of the 2025 revisions come back for the rest, and need a
 * token for that.
 */
export function untilTokenExpires(response: Response, { authInfo }: Caller, clock: Clock): Response {
  const expiresAt = authInfo?.expiresAt;
  if (expiresAt === undefined || !isEventStream(response) || response.body === null) return response;
  const source = response.body.getReader();
  const left = Math.min(expiresAt * 1000 + GRACE_MS - clock.now(), MAX_TIMER_MS);
  let stopTimer: (() => void) | undefined;
  let expired = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stopTimer = clock.after(left, () => {
          expired = true;
          controller.close();
          // The call behind it hears of it as of a client that went away.
          source.cancel().catch(() => {});
        });
      },
      async pull(controller) {
        try {
          const { done, value } = await source.read();
          if (expired) return;
          if (!done) return controller.enqueue(value);
          stopTimer?.();
          controller.close();
        } catch (error) {
          stopTimer?.();
          if (!expired) throw error;
        }
      },
      cancel(reason) {
        stopTimer?.();
        return source.cancel(reason);
      },
    },
    // Nothing is taken before it is asked for: what waits for a slow reader has its bound elsewhere.
    { highWaterMark: 0 },
  );
  return new Response(body, { status: response.status, headers: response.headers });
}
