/**
 * The contract of a state store: it keeps what tools want to remember, by session and by caller.
 *
 * `memory/memory-state-store.ts` implements it in this process. `test/memory/state-store.contract.ts` tests any
 * implementation.
 */

/** What {@link StateStore.replace} did: `kept` the value, found it `changed` in the meantime, or had no room (`full`). */
export type Replaced = 'kept' | 'changed' | 'full';

/**
 * Keeps values as JSON text, by key, in scopes. A scope is a session or a caller; the store knows only its name.
 *
 * Methods reject if the engine is unavailable. They never resolve to a guess.
 */
export interface StateStore {
  /** The value; `undefined` if there is none, or not any more. */
  get(scope: string, key: string): Promise<string | undefined>;
  /**
   * Sets a value, if it still is what the caller has seen.
   *
   * @param expected - The value that is replaced, `undefined` for none; `null` replaces any.
   * @param ttlMs - When it expires, in milliseconds; `undefined` for never.
   */
  replace(
    scope: string,
    key: string,
    expected: string | undefined | null,
    value: string,
    ttlMs: number | undefined,
  ): Promise<Replaced>;
  /** Removes a value. Resolves to whether there was one. */
  delete(scope: string, key: string): Promise<boolean>;
  /** The keys of a scope, in any order. */
  keys(scope: string): Promise<string[]>;
  /** Removes all values of a scope. */
  clear(scope: string): Promise<void>;
}
