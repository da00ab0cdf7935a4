/** Runs tasks that must not overlap. */

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
