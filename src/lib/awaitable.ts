/** Values that may be available at once. To await them even then would take longer than most of the work behind them. */

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
