/** Keeps what tools remember in this process. It is lost when the process ends. */
import { STATE_BOUNDS, utf8Bytes, type StateBounds, type StateStore } from '../contracts/state-store.ts';
import type { StateWrite, StateWritten } from '../contracts/state-store.ts';
import type { Clock } from '../lib/clock.ts';
import { ExpiryQueue, type Expiring } from '../lib/expiry-queue.ts';

/** Options for {@link createMemoryStateStore}. The bounds that are left out are those of `STATE_BOUNDS`. */
export interface MemoryStateStoreOptions extends Partial<StateBounds> {
  clock: Pick<Clock, 'now'>;
  /** Most bytes of all scopes together, as they are in memory: at two for each character, and some for each value. @default 64 MiB */
  maxBytes?: number;
}

interface Scope {
  name: string;
  values: Map<string, Entry>;
  /** As `maxBytesPerScope` counts them. */
  bytes: number;
}

interface Entry {
  scope: Scope;
  key: string;
  value: string;
  /** Of its key and value, as `maxBytesPerScope` counts them. */
  bytes: number;
  expiring: Expiring<Entry> | undefined;
}

/** What a value takes in memory on top of its key and its JSON, if its scope has no other. */
const OVERHEAD_BYTES = 768;

/** Makes an empty store. */
export function createMemoryStateStore(options: MemoryStateStoreOptions): StateStore {
  const store = new States(options);
  return {
    bounds: store.bounds,
    get: async (scope, key) => store.find(scope, key)?.value,
    write: async (scope, key, write) => store.write(scope, key, write),
    async delete(scope, key) {
      const entry = store.find(scope, key);
      if (entry) store.remove(entry);
      return entry !== undefined;
    },
    keys: async (scope) => Array.from(store.entriesOf(scope), ({ key }) => key),
    async clear(scope) {
      for (const entry of store.entriesOf(scope)) store.remove(entry);
    },
  };
}

/** Values by scope and key, and in the order in which they expire. No method shows an expired value. */
class States {
  readonly bounds: StateBounds;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #maxBytes: number;
  readonly #scopes = new Map<string, Scope>();
  readonly #expiring = new ExpiryQueue<Entry>();
  /** As `maxBytes` counts them. */
  #bytes = 0;

  constructor({ clock, maxBytes = 64 * 1024 * 1024, ...bounds }: MemoryStateStoreOptions) {
    this.bounds = { ...STATE_BOUNDS, ...bounds };
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  find(scope: string, key: string): Entry | undefined {
    this.#expire();
    return this.#scopes.get(scope)?.values.get(key);
  }

  entriesOf(scope: string): Entry[] {
    this.#expire();
    return [...(this.#scopes.get(scope)?.values.values() ?? [])];
  }

  write(name: string, key: string, { value, expected, ttlMs }: StateWrite): StateWritten {
    const before = this.find(name, key);
    if (expected !== undefined && (before?.value ?? null) !== expected) return 'unexpected';
    const scope = this.#scopes.get(name) ?? { name, values: new Map<string, Entry>(), bytes: 0 };
    const entry: Entry = { scope, key, value, bytes: utf8Bytes(key) + utf8Bytes(value), expiring: undefined };
    const refusal = this.#refuse(entry, before);
    if (refusal) return refusal;
    if (before) this.remove(before);
    this.#add(entry);
    if (ttlMs !== undefined) entry.expiring = this.#expiring.add(entry, this.#clock.now() + ttlMs);
    return 'kept';
  }

  remove(entry: Entry): void {
    const { scope, key, expiring } = entry;
    scope.values.delete(key);
    scope.bytes -= entry.bytes;
    this.#bytes -= heldBytes(entry);
    if (scope.values.size === 0) this.#scopes.delete(scope.name);
    if (expiring) this.#expiring.remove(expiring);
  }

  #refuse(entry: Entry, before: Entry | undefined): StateWritten | undefined {
    const { maxKeysPerScope, maxBytesPerScope } = this.bounds;
    const { scope } = entry;
    if (!before && scope.values.size >= maxKeysPerScope) return 'tooManyKeys';
    if (scope.bytes + entry.bytes - (before?.bytes ?? 0) > maxBytesPerScope) return 'tooManyBytes';
    const held = heldBytes(entry) - (before ? heldBytes(before) : 0);
    return this.#bytes + held > this.#maxBytes ? 'full' : undefined;
  }

  #add(entry: Entry): void {
    const { scope, key } = entry;
    this.#scopes.set(scope.name, scope);
    scope.values.set(key, entry);
    scope.bytes += entry.bytes;
    this.#bytes += heldBytes(entry);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (let next = this.#expiring.first; next && next.expiresAt <= now; next = this.#expiring.first) {
      this.remove(next.value);
    }
  }
}

function heldBytes({ key, value }: Entry): number {
  return 2 * (key.length + value.length) + OVERHEAD_BYTES;
}
