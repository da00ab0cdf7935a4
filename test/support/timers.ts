/** Counts the timers that were started since and have neither fired nor been cleared. */
export interface TimerCount {
  readonly running: number;
  /** Takes the count off the timer functions. */
  stop(): void;
}

/** Begins to count. Timers stay what they are: nothing waits longer or shorter than it would. */
export function countTimers(): TimerCount {
  const running = new Set<unknown>();
  const original = { setTimeout, setInterval, clearTimeout, clearInterval };
  const counted = {
    setTimeout(callback: (...args: unknown[]) => void, milliseconds?: number, ...args: unknown[]) {
      const timer = original.setTimeout(() => {
        running.delete(timer);
        callback(...args);
      }, milliseconds);
      running.add(timer);
      return timer;
    },
    setInterval(...args: Parameters<typeof setInterval>) {
      const timer = original.setInterval(...args);
      running.add(timer);
      return timer;
    },
    clearTimeout(timer: Parameters<typeof clearTimeout>[0]) {
      running.delete(timer);
      original.clearTimeout(timer);
    },
    clearInterval(timer: Parameters<typeof clearInterval>[0]) {
      running.delete(timer);
      original.clearInterval(timer);
    },
  };
  Object.assign(globalThis, counted);
  return {
    get running() {
      return running.size;
    },
    stop: () => void Object.assign(globalThis, original),
  };
}
