/** Keeps session records in this process. They are lost when it ends. */
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import { changedRecord, type SessionRecord, type SessionStore } from '../contracts/session-store.ts';

/** Options for {@link createMemorySessionStore}. */
export interface MemorySessionStoreOptions {
  /** How long an unused record is kept, in milliseconds. */
  idleMs: number;
  clock: Pick<Clock, 'now'>;
}

interface Entry {
  record: SessionRecord;
  usedAt: number;
  /** Its place in the order of last use: among all records, and among those of its principal. */
  place: Link<Entry>;
  placeOfPrincipal: Link<Entry>;
}

/** Makes an empty store. The store does not limit the number of records; `sessions/session-caps.ts` does. */
export function createMemorySessionStore(options: MemorySessionStoreOptions): SessionStore {
  const records = new Records(options);
  return {
    async create(record) {
      records.add({ ...record });
    },
    async get(id) {
      return records.find(id)?.record;
    },
    async use(id, principal) {
      const entry = records.find(id);
      if (entry?.record.principal !== principal) return undefined;
      records.touch(entry);
      return entry.record;
    },
    async touch(id) {
      const entry = records.find(id);
      if (entry) records.touch(entry);
      return entry?.record.version;
    },
    async update(id, changes) {
      const entry = records.find(id);
      if (entry) entry.record = changedRecord(entry.record, changes);
      return entry?.record.version;
    },
    async delete(id) {
      const entry = records.find(id);
      if (entry) records.remove(entry);
      return entry !== undefined;
    },
    takeExpired: async (limit) => records.takeExpired(limit),
    async count(principal) {
      return records.byUse(principal).size;
    },
    async leastRecentlyUsed(limit, principal) {
      const ids: string[] = [];
      for (const { record } of records.byUse(principal)) {
        if (ids.length >= limit) break;
        ids.push(record.id);
      }
      return ids;
    },
  };
}

/** Records by id and in the order of their last use. No method shows an expired record. */
class Records {
  readonly #options: MemorySessionStoreOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #byUse = new LinkedList<Entry>();
  readonly #byUseOf = new Map<string, LinkedList<Entry>>();
  /** The ids of those that have expired and that nobody has taken. */
  readonly #expired = new LinkedList<string>();
  /** The most records that there have been at a time. */
  #peak = 0;

  constructor(options: MemorySessionStoreOptions) {
    this.#options = options;
  }

  add(record: SessionRecord): void {
    this.#expire();
    const ofPrincipal = this.#byUseOf.get(record.principal) ?? new LinkedList<Entry>();
    this.#byUseOf.set(record.principal, ofPrincipal);
    const entry = { record, usedAt: this.#options.clock.now() } as Entry;
    entry.place = this.#byUse.append(entry);
    entry.placeOfPrincipal = ofPrincipal.append(entry);
    this.#entries.set(record.id, entry);
    this.#peak = Math.max(this.#peak, this.#entries.size);
  }

  find(id: string): Entry | undefined {
    this.#expire();
    return this.#entries.get(id);
  }

  /** All records, or those of `principal`, the least recently used first. */
  byUse(principal: string | undefined): LinkedList<Entry> {
    this.#expire();
    return principal === undefined ? this.#byUse : (this.#byUseOf.get(principal) ?? new LinkedList());
  }

  touch(entry: Entry): void {
    entry.usedAt = this.#options.clock.now();
    this.#byUse.moveToEnd(entry.place);
    this.#byUseOf.get(entry.record.principal)?.moveToEnd(entry.placeOfPrincipal);
  }

  remove({ record, place, placeOfPrincipal }: Entry): void {
    this.#entries.delete(record.id);
    this.#byUse.remove(place);
    const ofPrincipal = this.#byUseOf.get(record.principal);
    ofPrincipal?.remove(placeOfPrincipal);
    if (ofPrincipal?.size === 0) this.#byUseOf.delete(record.principal);
  }

  takeExpired(limit: number): string[] {
    this.#expire();
    const taken: string[] = [];
    for (let link = this.#expired.first; link && taken.length < limit; link = this.#expired.first) {
      this.#expired.remove(link);
      taken.push(link.value);
    }
    return taken;
  }

  #expire(): void {
    const deadline = this.#options.clock.now() - this.#options.idleMs;
    for (const entry of this.#byUse) {
      if (entry.usedAt > deadline) return;
      this.remove(entry);
      this.#expired.append(entry.record.id);
      // Whoever takes them once in each idle time never finds more than there were records at a time.
      if (this.#expired.first && this.#expired.size > this.#peak) this.#expired.remove(this.#expired.first);
    }
  }
}
