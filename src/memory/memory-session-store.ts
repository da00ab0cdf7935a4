/** Session records in this process: gone with it, unlike those of a shared engine. */
import type { Clock } from '../lib/clock.ts';
import { LinkedList, type Link } from '../lib/linked-list.ts';
import type { SessionRecord, SessionStore } from '../sessions/session-store.ts';

/** Options for {@link createMemorySessionStore}. */
export interface MemorySessionStoreOptions {
  /** A record that is not used for so long expires. */
  idleMs: number;
  clock: Pick<Clock, 'now'>;
}

interface Entry {
  record: SessionRecord;
  usedAt: number;
  /** Its place in the order of last use among all, and among those of its principal. */
  place: Link<Entry>;
  placeOfPrincipal: Link<Entry>;
}

/**
 * Makes an empty store. It does not bound the number of records: `createSessions` asks for `count()` and
 * makes room.
 */
export function createMemorySessionStore({ idleMs, clock }: MemorySessionStoreOptions): SessionStore {
  const entries = new Map<string, Entry>();
  const byUse = new LinkedList<Entry>();
  const byUseOf = new Map<string, LinkedList<Entry>>();

  function insert(record: SessionRecord): void {
    const ofPrincipal = byUseOf.get(record.principal) ?? new LinkedList<Entry>();
    byUseOf.set(record.principal, ofPrincipal);
    const entry = { record, usedAt: clock.now() } as Entry;
    entry.place = byUse.append(entry);
    entry.placeOfPrincipal = ofPrincipal.append(entry);
    entries.set(record.id, entry);
  }

  function remove({ record, place, placeOfPrincipal }: Entry): void {
    entries.delete(record.id);
    byUse.remove(place);
    const ofPrincipal = byUseOf.get(record.principal);
    ofPrincipal?.remove(placeOfPrincipal);
    if (ofPrincipal?.size === 0) byUseOf.delete(record.principal);
  }

  function expire(): void {
    const deadline = clock.now() - idleMs;
    for (let entry = byUse.first?.value; entry && entry.usedAt <= deadline; entry = byUse.first?.value) remove(entry);
  }

  /** Every method looks through this, so that an expired record is never seen. */
  function find(id: string): Entry | undefined {
    expire();
    return entries.get(id);
  }

  function touch(entry: Entry): void {
    entry.usedAt = clock.now();
    byUse.moveToEnd(entry.place);
    byUseOf.get(entry.record.principal)?.moveToEnd(entry.placeOfPrincipal);
  }

  return {
    async create(record) {
      expire();
      insert({ ...record });
    },
    async get(id) {
      return find(id)?.record;
    },
    async use(id, principal) {
      const entry = find(id);
      if (entry?.record.principal !== principal) return undefined;
      touch(entry);
      return entry.record;
    },
    async touch(id) {
      const entry = find(id);
      if (entry) touch(entry);
      return entry !== undefined;
    },
    async update(id, changes) {
      const entry = find(id);
      if (entry) entry.record = { ...entry.record, ...changes };
      return entry !== undefined;
    },
    async delete(id) {
      const entry = find(id);
      if (entry) remove(entry);
      return entry !== undefined;
    },
    async count(principal) {
      expire();
      return principal === undefined ? byUse.size : (byUseOf.get(principal)?.size ?? 0);
    },
    async leastRecentlyUsed(limit, principal) {
      expire();
      const ids: string[] = [];
      for (const { record } of principal === undefined ? byUse : (byUseOf.get(principal) ?? [])) {
        if (ids.length >= limit) break;
        ids.push(record.id);
      }
      return ids;
    },
  };
}
