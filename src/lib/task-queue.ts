/** Tasks that must not overlap, one after the other. */

/** Runs tasks in the order they are given, each after the one before has settled. */
export type TaskQueue = <T>(task: () => Promise<T>) => Promise<T>;

/** Makes a queue. A task that fails fails for its giver only. */
export function createTaskQueue(): TaskQueue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}
