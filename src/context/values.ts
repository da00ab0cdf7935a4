/** The values of a scope, as tools use them: JSON by key. Everything that any engine would refuse is refused here. */
import { StateError, stateJson } from './state-json.ts';
import { utf8Bytes, type StateStore, type StateWritten } from '../contracts/state-store.ts';

/** Longest time that a value can ask for: a year. */
const MAX_TTL_SECONDS = 365 * 24 * 60 * 60;
/** How often an update is tried: once for each call that a principal may have running by default. One of them succeeds each time. */
const MAX_ATTEMPTS = 1000;
const SESSION_ENDED = 'The session has ended, so nothing is kept for it. Stop when mcpReq.signal is aborted.';

/** Options of {@link Values}. */
export interface ValueOptions {
  /**
   * How long to keep the value from now on, in seconds, at most a year.
   * @default as long as its session; 30 days for a value of a caller
   */
  ttlSeconds?: number;
}

/**
 * Values by key.
 *
 * A value is JSON: null, a boolean, a finite number, a string, or an array or plain object of these. It reads as what JSON
 * makes of it: a `Date` as a string, and an object without its `undefined` properties. A key is a
 * non-empty string. Methods reject with a {@link StateError} if a key or value cannot be kept, or exceeds one of the bounds
 * (`STATE_BOUNDS` in `state-store.ts`); then the value before is still there, and the message says what to do. They reject
 * with another error if the engine is unavailable.
 */
export interface Values {
  /** The value; `undefined` if there is none. Its type is not checked. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Keeps a value, and its time, in place of those before. */
  set(key: string, value: unknown, options?: ValueOptions): Promise<void>;
  /**
   * Changes a value and resolves to the new one. Use it wherever the new value depends on the old one: `change` is called
   * again if another call has changed the value in the meantime, so that no change is lost. If it throws or rejects, so does
   * `update`, and the value stays. It must be quick: after 1000 attempts, `update` rejects with a {@link StateError}.
   */
  update<T = unknown>(
    key: string,
    change: (value: T | undefined) => T | Promise<T>,
    options?: ValueOptions,
  ): Promise<T>;
  /** Removes a value. Resolves to whether there was one. */
  delete(key: string): Promise<boolean>;
  /** The keys that have values, in any order. */
  keys(): Promise<string[]>;
}

/** A session or a caller. */
export interface Scope {
  /** Its name in the store. */
  name: string;
  /** Whose it is, for messages. */
  owner: 'session' | 'caller';
  /** How long values are kept that ask for nothing else. */
  ttlSeconds: number | undefined;
  /** Whether it still exists. Asked after each value that is written. */
  exists(): Promise<boolean>;
}

/**
 * Makes the values of a scope.
 *
 * @param scopeOf - Returns the scope, or throws a {@link StateError} if there is none.
 */
export function createValues(store: StateStore, scopeOf: () => Scope): Values {
  /** Resolves to whether the value before was the expected one. */
  async function write(
    key: string,
    value: unknown,
    { ttlSeconds }: ValueOptions,
    expected: string | null | undefined,
  ): Promise<boolean> {
    const scope = scopeOf();
    requireKey(store, key);
    const json = jsonWithin(store, key, value);
    const ttlMs = millisecondsOf(ttlSeconds ?? scope.ttlSeconds);
    const written = await store.write(scope.name, key, { value: json, expected, ttlMs });
    if (written === 'unexpected') return false;
    if (written !== 'kept') throw new StateError(refusal(store, scope, key, written));
    // Only now. What ends a session removes its record before its values: either it finds this value, or it is found here.
    if (await scope.exists()) return true;
    await store.clear(scope.name);
    throw new StateError(SESSION_ENDED);
  }

  async function read(key: string): Promise<string | undefined> {
    const { name } = scopeOf();
    requireKey(store, key);
    return store.get(name, key);
  }

  return {
    async get<T>(key: string) {
      return parsed(await read(key)) as T | undefined;
    },
    async set(key, value, options = {}) {
      await write(key, value, options, undefined);
    },
    async update<T>(key: string, change: (value: T | undefined) => T | Promise<T>, options: ValueOptions = {}) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const before = await read(key);
        const value = await change(parsed(before) as T | undefined);
        if (await write(key, value, options, before ?? null)) return value;
      }
      const problem = `The value of ${JSON.stringify(key)} was changed elsewhere during each of ${MAX_ATTEMPTS} attempts`;
      throw new StateError(
        `${problem}. Do slow work before the update, and do not change a value within its own update.`,
      );
    },
    async delete(key) {
      const { name } = scopeOf();
      requireKey(store, key);
      return store.delete(name, key);
    },
    keys: async () => store.keys(scopeOf().name),
  };
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}

function requireKey({ bounds: { maxKeyBytes } }: StateStore, key: string): void {
  if (typeof key !== 'string' || key === '') throw new StateError('A key must be a non-empty string.');
  const bytes = utf8Bytes(key);
  if (bytes > maxKeyBytes) {
    throw new StateError(
      `A key has at most ${maxKeyBytes} bytes, but this one has ${bytes}. Keep a hash of it instead.`,
    );
  }
  if (!isWellFormed(key)) throw new StateError('A key must be well-formed: this one has a lone surrogate.');
}

function jsonWithin({ bounds: { maxValueBytes } }: StateStore, key: string, value: unknown): string {
  const json = stateJson(key, value);
  const bytes = utf8Bytes(json);
  if (bytes <= maxValueBytes) return json;
  const problem = `The value of ${JSON.stringify(key)} has ${bytes} bytes of JSON, and the limit is ${maxValueBytes}`;
  throw new StateError(`${problem}. Split it over several keys, or keep it elsewhere and only its id here.`);
}

function millisecondsOf(ttlSeconds: number | undefined): number | undefined {
  if (ttlSeconds === undefined) return undefined;
  if (ttlSeconds > 0 && ttlSeconds <= MAX_TTL_SECONDS) return Math.ceil(ttlSeconds * 1000);
  throw new StateError(`ttlSeconds must be more than 0 and at most ${MAX_TTL_SECONDS} (a year), not ${ttlSeconds}.`);
}

function refusal(
  { bounds: { maxKeysPerScope, maxBytesPerScope } }: StateStore,
  { owner }: Scope,
  key: string,
  reason: Exclude<StateWritten, 'kept' | 'unexpected'>,
): string {
  const limit = {
    tooManyKeys: `a ${owner} may have ${maxKeysPerScope} values. Delete some, or put several into one`,
    tooManyBytes: `the values of a ${owner} may take ${maxBytesPerScope} bytes. Delete some, or let them expire (ttlSeconds)`,
    full: 'the state store is full. Let values expire sooner (ttlSeconds), or make a store with larger bounds',
  }[reason];
  return `There is no room for ${JSON.stringify(key)}: ${limit}.`;
}

/** As `String.prototype.isWellFormed`, which ES2023 does not have. */
function isWellFormed(text: string): boolean {
  return !/[\uD800-\uDFFF]/u.test(text);
}
