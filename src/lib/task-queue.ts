/**
 * Runs tasks that must not overlap. Some of them have their result at once: to wait for a promise even then would take longer than
 * most of the work behind it.
 */

/** Runs tasks in the order they are given, each after the one before it has settled. */
export type TaskQueue = <T>(task: () => Promise<T>) => Promise<T>;

/** Makes a queue. A failing task rejects only its own promise. */
export function createTaskQueue(): TaskQueue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Whether a value is only promised so far. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Calls `use` with the value, at once if it is available, and returns what that returns. */
export function thenOf<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(use) : use(value);
}

/** Runs tasks in the order they are given. One that has nothing to wait for runs at once. */
export type EagerQueue = <T>(task: () => Awaitable<T>) => Awaitable<T>;

/**
 * Makes an eager queue. A failing task fails only itself: it throws if it runs at once, and otherwise rejects its promise, which
 * need not be handled.
 */
export function createEagerQueue(): EagerQueue {
  const waiting: (() => void)[] = [];
  let isBusy = false;
  let isStarting = false;

  function run<T>(task: () => Awaitable<T>): Awaitable<T> {
    isBusy = true;
    let result: Awaitable<T> | undefined;
    try {
      result = task();
      return result;
    } finally {
      if (isPromise(result)) result.then(goOn, goOn);
      else goOn();
    }
  }

  function goOn(): void {
    isBusy = false;
    // In a loop: tasks that take no time must not call each other, however many there are.
    if (isStarting) return;
    isStarting = true;
    for (let start = waiting.shift(); start; start = isBusy ? undefined : waiting.shift()) start();
    isStarting = false;
  }

  function later<T>(task: () => Awaitable<T>): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      waiting.push(() => {
        try {
          resolve(run(task));
        } catch (error) {
          reject(error);
        }
      });
    });
    // The queue watches over what it runs, so a failure that nobody waits for does not end the process.
    result.catch(() => {});
    return result;
  }

  return (task) => (isBusy || waiting.length > 0 ? later(task) : run(task));
}
