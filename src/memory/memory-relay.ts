/** The relay of a process that is alone: there is nobody to tell. */
import type { Relay } from '../contracts/relay.ts';

/** Makes it. */
export function createMemoryRelay(): Relay {
  const node = crypto.randomUUID();
  return {
    node,
    hasPeers: false,
    isAlive: async (other) => other === node,
    join: async () => () => {},
    send: async () => {},
  };
}
