/**
 * Passes on what changes, each list and resource at most once in a turn of the event loop.
 *
 * The SDK looks at every stream of `subscriptions/listen` for every event, and an author may notify in a loop.
 */
import { InMemoryServerEventBus, type ServerEvent, type ServerEventBus } from '@modelcontextprotocol/server';
import type { Clock } from '../lib/clock.ts';
import { subjectOf } from './subscriptions.ts';

/** A bus for many listeners. */
export interface OnceATurn extends ServerEventBus {
  /** Passes nothing on any more. */
  close(): void;
}

/**
 * Makes a bus whose listeners hear what is published on `source`, a turn later.
 *
 * @param onerror - Receives the errors of listeners.
 */
export function onceATurn(
  source: ServerEventBus,
  clock: Pick<Clock, 'after'>,
  onerror: (error: Error) => void,
): OnceATurn {
  const bus = new InMemoryServerEventBus(onerror);
  const pending = new Map<string, ServerEvent>();
  let cancel: (() => void) | undefined;

  const passOn = () => {
    const events = Array.from(pending.values());
    pending.clear();
    for (const event of events) bus.publish(event);
  };
  const collect = (event: ServerEvent) => {
    if (pending.size === 0) cancel = clock.after(0, passOn);
    pending.set(subjectOf(event), event);
  };
  const listeners = new Set<() => void>();
  /** Set while somebody listens: otherwise, what changes costs nothing here. */
  let leave: (() => void) | undefined;

  return {
    publish: (event) => source.publish(event),
    subscribe(listener) {
      const stop = bus.subscribe(listener);
      listeners.add(stop);
      leave ??= source.subscribe(collect);
      return () => {
        stop();
        listeners.delete(stop);
        if (listeners.size > 0) return;
        leave?.();
        leave = undefined;
      };
    },
    close() {
      leave?.();
      cancel?.();
    },
  };
}
