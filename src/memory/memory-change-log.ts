/** Keeps what has changed in this process. It is lost when the process ends. */
import { InMemoryServerEventBus, type ServerEvent } from '@modelcontextprotocol/server';
import type { ChangeLog } from '../contracts/change-log.ts';
import { isKept, subjectOf } from '../context/subscriptions.ts';

/** Options for {@link createMemoryChangeLog}. */
export interface MemoryChangeLogOptions {
  /** Most lists and resources whose last change is kept. @default 10,000 */
  maxChanges?: number;
  /** Receives the errors of listeners. */
  onerror?: (error: Error) => void;
}

/** Makes an empty log. */
export function createMemoryChangeLog({ maxChanges = 10_000, onerror }: MemoryChangeLogOptions = {}): ChangeLog {
  const bus = new InMemoryServerEventBus(onerror);
  /** The last change of each list and resource, the oldest first. */
  const changes = new Map<string, { number: number; event: ServerEvent }>();
  let last = 0;
  /** The number of the last change that was forgotten. */
  let forgotten = 0;

  function keep(event: ServerEvent): void {
    if (!isKept(event)) return;
    const subject = subjectOf(event);
    // The newest stays in its place: to delete from a Map and add again, call after call, is slow.
    if (changes.get(subject)?.number !== last) changes.delete(subject);
    changes.set(subject, { number: ++last, event });
    if (changes.size <= maxChanges) return;
    for (const [oldest, { number }] of changes) {
      changes.delete(oldest);
      forgotten = number;
      return;
    }
  }

  return {
    get last() {
      return last;
    },
    publish(event) {
      keep(event);
      bus.publish(event);
    },
    subscribe: (listener) => bus.subscribe(listener),
    async since(number) {
      const later = Array.from(changes.values()).filter((change) => change.number > number);
      return { events: later.map(({ event }) => event), isComplete: number >= forgotten && number <= last, last };
    },
  };
}
