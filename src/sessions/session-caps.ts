/** How many sessions there may be: in all, and of one principal. At a cap, the longest unused one makes room. */
import { createTaskQueue } from '../lib/task-queue.ts';
import type { SessionRecord, SessionStore } from './session-store.ts';

/** Sessions asked for at a time to find one that can go. */
const PAGE_SIZE = 100;

/** Options for {@link createSessionCaps}. */
export interface SessionCapsOptions {
  store: SessionStore;
  /** Sessions at once. */
  maxSessions: number;
  /** Sessions of one authenticated principal at once. */
  maxSessionsPerPrincipal: number;
  /** Whether a session is in use: it has a request, a stream or a running call. */
  isInUse: (id: string) => boolean;
  /** Ends a session. */
  end: (id: string) => Promise<void>;
}

/** Creates records within the caps; resolves to `false` when all the sessions that would have to go are in use. */
export type CreateWithinCaps = (record: SessionRecord) => Promise<boolean>;

/** Makes the caps of one process. */
export function createSessionCaps(options: SessionCapsOptions): CreateWithinCaps {
  const { store, maxSessions, maxSessionsPerPrincipal } = options;
  const oneByOne = createTaskQueue();

  /** Ends the longest unused of `count` sessions that is not in use; `false` when there is none. */
  async function makeRoom(count: number, principal?: string): Promise<boolean> {
    for (let visited = 0; visited < count; visited += PAGE_SIZE) {
      for (const id of await store.leastRecentlyUsed(PAGE_SIZE, principal)) {
        if (!options.isInUse(id)) {
          await options.end(id);
          return true;
        }
        // It is in use, so it goes behind those that are not.
        await store.touch(id);
      }
    }
    return false;
  }

  async function create(record: SessionRecord): Promise<boolean> {
    const { principal } = record;
    const isFull = principal !== '' && (await store.count(principal)) >= maxSessionsPerPrincipal;
    if (isFull && !(await makeRoom(maxSessionsPerPrincipal, principal))) return false;
    if ((await store.count()) >= maxSessions && !(await makeRoom(maxSessions))) return false;
    await store.create(record);
    return true;
  }

  return (record) => oneByOne(() => create(record));
}
