/** Keeps values by session and by caller in Redis. The bound on all scopes together is Redis's own, `maxmemory`. */
import { STATE_BOUNDS, type StateBounds, type StateStore, type StateWritten } from '../contracts/state-store.ts';
import type { Clock } from '../lib/clock.ts';
import { DELETE_STATE, STATE_KEYS, WRITE_STATE } from '../lua/state-scripts.ts';
import { isOutOfMemory } from './attempts.ts';
import type { Connection, Reply } from './connection.ts';
import { backstopMs, isSessionScope, stateKeys } from '../lua/keys.ts';

/** Digits of a time before each value. */
const TIME_CHARS = 15;

/** Options for {@link createRedisStateStore}; the bounds have the defaults `STATE_BOUNDS`. */
export interface RedisStateStoreOptions extends Partial<StateBounds> {
  connection: Connection;
  clock: Pick<Clock, 'now'>;
  /** How long an unused session is kept, in milliseconds. Its state is not kept for much longer. */
  idleMs: number;
}

/** Makes a store. */
export function createRedisStateStore({ connection, clock, idleMs, ...some }: RedisStateStoreOptions): StateStore {
  const bounds = { ...STATE_BOUNDS, ...some };

  return {
    bounds,
    async get(scope, key) {
      const found = await connection.call('HGET', stateKeys(scope).state, `v${key}`);
      if (typeof found !== 'string') return undefined;
      const expiresAt = Number(found.slice(0, TIME_CHARS));
      return expiresAt > 0 && expiresAt <= clock.now() ? undefined : found.slice(TIME_CHARS);
    },
    async write(scope, key, { value, expected, ttlMs }) {
      const now = clock.now();
      const expiresAt = ttlMs === undefined ? 0 : Math.ceil(now + ttlMs);
      const kind = expected === undefined ? 'any' : expected === null ? 'none' : 'value';
      const ttl = isSessionScope(scope) ? backstopMs(idleMs) : '';
      const { maxKeysPerScope, maxBytesPerScope } = bounds;
      const text = String(expiresAt).padStart(TIME_CHARS, '0');
      const args = [now, key, value, text, kind, expected ?? '', maxKeysPerScope, maxBytesPerScope, ttl];
      return (await connection.run(WRITE_STATE, keysOf(scope), args).catch(fullIfOutOfMemory)) as StateWritten;
    },
    delete: async (scope, key) => (await connection.run(DELETE_STATE, keysOf(scope), [clock.now(), key])) === 1,
    keys: async (scope) => (await connection.run(STATE_KEYS, keysOf(scope), [clock.now(), ''])) as string[],
    clear: async (scope) => void (await connection.call('UNLINK', ...keysOf(scope))),
  };
}

function keysOf(scope: string): [string, string] {
  const { state, expiry } = stateKeys(scope);
  return [state, expiry];
}

function fullIfOutOfMemory(error: unknown): Reply {
  if (isOutOfMemory(error)) return 'full';
  throw error;
}
