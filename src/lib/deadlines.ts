/**
 * Many deadlines of the same length on one timer.
 *
 * A timer of Node.js is cheap while others of its length are running. Where each is set alone and stopped within
 * microseconds, as for a call that is answered at once, setting and stopping it takes longer than the rest.
 */
import type { Clock } from './clock.ts';
import { LinkedList } from './linked-list.ts';

/** What falls due some time after it was set. */
export interface Deadlines {
  /** Calls back when the time is over, and never before, unless the returned function is called. */
  set(callback: () => void): () => void;
  /** Forgets what is set. */
  close(): void;
}

/** Makes deadlines of `milliseconds`. */
export function createDeadlines(milliseconds: number, clock: Pick<Clock, 'now' | 'after'>): Deadlines {
  const waiting = new LinkedList<{ at: number; callback: () => void; isOver: boolean }>();
  let stopTimer: (() => void) | undefined;

  function startTimer(delay: number): void {
    stopTimer ??= clock.after(delay, () => {
      stopTimer = undefined;
      callBack();
    });
  }

  function callBack(): void {
    for (;;) {
      const link = waiting.first;
      if (!link) return;
      const left = link.value.at - clock.now();
      // More than there ever was: the clock was set back.
      if (left > 0 && left <= milliseconds) return startTimer(left);
      waiting.remove(link);
      link.value.isOver = true;
      link.value.callback();
    }
  }

  return {
    set(callback) {
      const link = waiting.append({ at: clock.now() + milliseconds, callback, isOver: false });
      startTimer(milliseconds);
      return () => {
        if (!link.value.isOver) waiting.remove(link);
        link.value.isOver = true;
      };
    },
    close() {
      stopTimer?.();
      stopTimer = undefined;
      for (const deadline of waiting) deadline.isOver = true;
      for (let link = waiting.first; link; link = waiting.first) waiting.remove(link);
    },
  };
}
