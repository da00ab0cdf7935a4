/** Tells whether V8's heap is short of memory, so that what is only a cache can be given up before the process dies. */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';

/** Sets the most that objects may take that have survived a few collections. */
const LIMIT_OPTION = /--max[-_]old[-_]space[-_]size=(\d+)/g;
const MEBIBYTE = 1024 * 1024;
/**
 * How full the heap may be after a full collection. V8 starts the next one halfway to the limit at the latest, here at 80%.
 * What is left has to last until that one is over, and its reading is taken.
 */
const MAX_SHARE = 0.6;

/**
 * Calls `onReading` after full garbage collections: `isShort` if the heap is still more than 60% full. The returned
 * function ends that. It costs nothing between full collections, and does not keep the process alive.
 *
 * Memory outside of V8's heap, such as that of a `Buffer`, does not count.
 */
export function watchMemory(onReading: (isShort: boolean) => void): () => void {
  const token = {};
  const maxBytes = limitBytes() * MAX_SHARE;
  // Only a full collection finds that an object is gone. A `PerformanceObserver` would be called for all the small ones.
  const registry = new FinalizationRegistry(() => {
    waitForNext();
    onReading(usedBytes() > maxBytes);
  });
  const waitForNext = () => registry.register({}, undefined, token);
  waitForNext();
  return () => void registry.unregister(token);
}

/**
 * The limit for objects that have survived a few collections. V8's own figure has the room for young ones on top, which is
 * small unless the option sets the limit: then it may be more than the limit itself (192 MiB on Node.js 24).
 */
function limitBytes(): number {
  const { heap_size_limit: limit } = getHeapStatistics();
  // In this order: of two options, the last one counts.
  const options = [process.env['NODE_OPTIONS'], ...process.execArgv].join(' ');
  const megabytes = Number(Array.from(options.matchAll(LIMIT_OPTION)).at(-1)?.[1] ?? 0);
  return megabytes === 0 ? limit : Math.min(megabytes * MEBIBYTE, limit);
}

/** What those objects take. */
function usedBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name: name }) => !name.startsWith('new_'));
  return old.reduce((sum, { space_used_size: used }) => sum + used, 0);
}
