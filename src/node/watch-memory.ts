/** Tells whether V8's heap is short of memory, so that what is only a cache can be given up before the process dies. */
import { getHeapStatistics } from 'node:v8';

/** V8's young generation by default: three semi-spaces of 16 MiB. The limit of the heap includes it. */
const YOUNG_GENERATION_BYTES = 48 * 1024 * 1024;
/**
 * How full the rest may be after a full collection. V8 starts the next one halfway to the limit at the latest, here at 80%.
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
  // Only a full collection finds that an object is gone. A `PerformanceObserver` would be called for all the small ones.
  const registry = new FinalizationRegistry(() => {
    waitForNext();
    onReading(isShort());
  });
  const waitForNext = () => registry.register({}, undefined, token);
  waitForNext();
  return () => void registry.unregister(token);
}

function isShort(): boolean {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used > (limit - Math.min(YOUNG_GENERATION_BYTES, limit / 2)) * MAX_SHARE;
}
