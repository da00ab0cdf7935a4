/** What a client was told. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';

/** After that, a notification counts as lost. It limits a failure and measures nothing. */
const DEADLINE_MS = 30_000;

/** A notification of the server. */
export interface HeardNotification {
  method: string;
  params?: Record<string, unknown> | undefined;
}

/** Notifications in the order in which they came. */
export interface Heard {
  /** A notification has come. */
  add(notification: HeardNotification): void;
  /** Waits for a notification with these params among its own, and takes it; it may be there already. */
  next(method: string, params?: Record<string, unknown>): Promise<HeardNotification>;
  /** How many of a method have come and were not taken. */
  left(method: string): number;
}

/** Nothing has been heard. */
export function createHeard(): Heard {
  const heard: HeardNotification[] = [];
  const arrivals = new EventEmitter();
  const take = (method: string, params: Record<string, unknown>) => {
    const index = heard.findIndex(
      (one) => one.method === method && Object.entries(params).every(([name, value]) => one.params?.[name] === value),
    );
    return index < 0 ? undefined : heard.splice(index, 1)[0];
  };
  return {
    add(notification) {
      heard.push(notification);
      arrivals.emit('one');
    },
    async next(method, params = {}) {
      const lost = new AbortController();
      // Not `AbortSignal.timeout`, which lets the process end meanwhile.
      const timer = setTimeout(() => lost.abort(), DEADLINE_MS);
      let notification = take(method, params);
      while (!notification) {
        await once(arrivals, 'one', lost).catch(() => assert.fail(`${method} did not come: ${JSON.stringify(heard)}`));
        notification = take(method, params);
      }
      clearTimeout(timer);
      return notification;
    },
    left: (method) => heard.filter((one) => one.method === method).length,
  };
}
