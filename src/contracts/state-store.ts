/**
 * The contract of a state store: it keeps what tools want to remember, by session and by caller.
 *
 * `memory/memory-state-store.ts` implements it in this process. `test/contracts/state-store.contract.ts` tests any
 * implementation. What tools see of it is in `values.ts`, which checks the size of each key and value for all engines. How
 * many there may be in a scope is checked by the store, since only it can do that in one step with keeping a value.
 */

/** How much a store keeps. All sizes are in bytes of UTF-8. */
export interface StateBounds {
  /** Longest key. */
  readonly maxKeyBytes: number;
  /** Largest value, as JSON. */
  readonly maxValueBytes: number;
  /** Most values of a scope. */
  readonly maxKeysPerScope: number;
  /** Most bytes of a scope: its keys and values together. */
  readonly maxBytesPerScope: number;
}

/** The bounds of a store that is made without others. */
export const STATE_BOUNDS: StateBounds = {
  // A URI or two UUIDs fit.
  maxKeyBytes: 256,
  // It is read and written as a whole: a list of some hundred items, and no document.
  maxValueBytes: 64 * 1024,
  // `keys()` answers with all of them.
  maxKeysPerScope: 1000,
  // 64 sessions or callers fill a store in memory of the default size. One principal may have more sessions than that.
  maxBytesPerScope: 1024 * 1024,
};

/** A value to keep. */
export interface StateWrite {
  /** JSON. */
  readonly value: string;
  /** Keeps it only in place of this value; `null` stands for no value, and `undefined` for whatever there is. */
  readonly expected: string | null | undefined;
  /** When it expires, in milliseconds from now; `undefined` for never. */
  readonly ttlMs: number | undefined;
}

/**
 * What became of a value: it is `kept`; it is not, because the one before was not `expected`; or it would exceed the
 * scope's `maxKeysPerScope` or `maxBytesPerScope`, or what the engine keeps in all (`full`).
 */
export type StateWritten = 'kept' | 'unexpected' | 'tooManyKeys' | 'tooManyBytes' | 'full';

/**
 * Keeps values by key, in scopes. A scope is a session or a caller; the store knows only its name. Keys and names may be
 * any well-formed text.
 *
 * An expired value is as good as removed for every method and every bound. Nothing else is removed to make room. Methods
 * reject if the engine is unavailable. They never resolve to a guess.
 */
export interface StateStore {
  readonly bounds: StateBounds;
  /** The value; `undefined` if there is none. */
  get(scope: string, key: string): Promise<string | undefined>;
  /** Keeps a value and its time in place of those before, in one step. Otherwise changes nothing. */
  write(scope: string, key: string, write: StateWrite): Promise<StateWritten>;
  /** Removes a value. Resolves to whether there was one. */
  delete(scope: string, key: string): Promise<boolean>;
  /** The keys of a scope, in any order. */
  keys(scope: string): Promise<string[]>;
  /** Removes all values of a scope. */
  clear(scope: string): Promise<void>;
}

const encoder = new TextEncoder();

/** The bytes of a text in UTF-8, as the bounds count them. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}
