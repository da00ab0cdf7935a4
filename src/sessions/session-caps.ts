/** Caps the number of sessions, in total and for one principal. At a cap, the least recently used session makes room. */
import { createTaskQueue } from '../lib/task-queue.ts';
import type { SessionRecord, SessionStore } from '../contracts/session-store.ts';

/** How many sessions to look at in one step when searching for one that can go. */
const PAGE_SIZE = 100;

/** Options for {@link createSessionCaps}. */
export interface SessionCapsOptions {
  store: SessionStore;
  /** Most sessions at a time. */
  maxSessions: number;
  /** Most sessions of one authenticated principal at a time. */
  maxSessionsPerPrincipal: number;
  /** Whether a session is in use on this node: it has a request, a stream or a running call. Others keep theirs by touching them. */
  isInUse: (id: string) => boolean;
  /** Ends a session. */
  end: (id: string) => Promise<void>;
}

/** Creates a record within the caps. Resolves to `false` if that needs room and every session is in use here. */
export type CreateWithinCaps = (record: SessionRecord) => Promise<boolean>;

/** Makes the caps of this process. */
export function createSessionCaps(options: SessionCapsOptions): CreateWithinCaps {
  const { store, maxSessions, maxSessionsPerPrincipal } = options;
  const oneByOne = createTaskQueue();

  /** Ends the least recently used of `count` sessions that is not in use. Resolves to `false` if all are in use. */
  async function makeRoom(count: number, principal?: string): Promise<boolean> {
    for (let visited = 0; visited < count; visited += PAGE_SIZE) {
      for (const id of await store.leastRecentlyUsed(PAGE_SIZE, principal)) {
        if (!options.isInUse(id)) {
          await options.end(id);
          return true;
        }
        // It is in use: move it behind those that are not.
        await store.touch(id);
      }
    }
    return false;
  }

  /** Makes room for one more. Other nodes may have chosen the same session to end, and have created some meanwhile. */
  async function hasRoom(max: number, principal?: string): Promise<boolean> {
    while ((await store.count(principal)) >= max) if (!(await makeRoom(max, principal))) return false;
    return true;
  }

  async function create(record: SessionRecord): Promise<boolean> {
    const { principal } = record;
    if (principal !== '' && !(await hasRoom(maxSessionsPerPrincipal, principal))) return false;
    if (!(await hasRoom(maxSessions))) return false;
    await store.create(record);
    return true;
  }

  return (record) => oneByOne(() => create(record));
}
