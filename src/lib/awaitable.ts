/** What may be there at once. Waiting for a promise in any case would take longer than most of what is waited for. */

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Whether there is only a promise so far. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Passes the value on to `use`, at once if it is there, and returns what that returns. */
export function thenOf<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(use) : use(value);
}
