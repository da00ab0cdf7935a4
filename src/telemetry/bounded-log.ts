/**
 * Keeps a flood of requests from becoming a flood of lines: anyone can send requests that are refused, and each refusal is
 * worth a line to whoever sets up a client, but not millions of them. Lines at level debug are not bounded, because somebody
 * has asked for them. The metrics count what is refused in any case.
 */
import type { LogFields, Logger, Severity } from './log.ts';

/** How many lines with one message are written in a window. */
const MAX_LINES = 60;
/** The window, in milliseconds. */
const WINDOW_MS = 60_000;
/** The most messages that are counted separately; further ones are counted together. The server itself has fewer. */
const MAX_MESSAGES = 200;

interface Count {
  /** When the window ends, in milliseconds since 1970. */
  until: number;
  lines: number;
  /** Lines of this message that were left out since the last one that was written. */
  omitted: number;
}

/**
 * Returns a logger that passes on to `inner` at most 60 lines a minute for each message. The first line after those that were
 * left out says in `omitted` how many there were.
 *
 * @param now - The time now, in milliseconds since 1970.
 * @param unbounded - Messages whose lines are all passed on. By default there are none.
 */
export function boundedLog(inner: Logger, now: () => number, unbounded: readonly string[] = []): Logger {
  const counts = new Map<string, Count>();

  /** Whether the window of a count has ended, or the clock was set back to before it began. */
  function isOver({ until }: Count): boolean {
    const left = until - now();
    return left <= 0 || left > WINDOW_MS;
  }

  /** Makes room for other messages. A count of lines that were left out stays until a line has said so. */
  function forgetOld(): void {
    for (const [message, count] of counts) if (isOver(count) && count.omitted === 0) counts.delete(message);
  }

  function countOf(message: string): Count {
    if (!counts.has(message) && counts.size >= MAX_MESSAGES) forgetOld();
    const key = counts.has(message) || counts.size < MAX_MESSAGES ? message : '';
    const known = counts.get(key);
    if (known && !isOver(known)) return known;
    const count = { until: now() + WINDOW_MS, lines: 0, omitted: known?.omitted ?? 0 };
    counts.set(key, count);
    return count;
  }

  const bounded =
    (level: Severity) =>
    (message: string, fields?: LogFields): void => {
      if (unbounded.includes(message)) {
        inner[level](message, fields);
        return;
      }
      const count = countOf(message);
      if (count.lines === MAX_LINES) {
        count.omitted += 1;
        return;
      }
      inner[level](message, count.omitted === 0 ? fields : { ...fields, omitted: count.omitted });
      count.lines += 1;
      count.omitted = 0;
    };
  return {
    // Not by a spread, which leaves out the methods of a class.
    debug: (message, fields) => inner.debug(message, fields),
    info: bounded('info'),
    warn: bounded('warn'),
    error: bounded('error'),
    isLevelEnabled: (level) => inner.isLevelEnabled?.(level) ?? true,
  };
}
