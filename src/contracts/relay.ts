/**
 * The contract of a relay: how the nodes that have a session in memory reach each other.
 *
 * No node owns a session. What a client sends to one node may be meant for the server on another, which has asked the
 * client a question, say, or runs the call that the client cancels. `memory/memory-relay.ts` implements it for a
 * process that is alone. `test/contracts/relay.contract.ts` tests any implementation.
 */
import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** What a node tells the others about a session. */
export type RelayMessage =
  /** The client has sent this message, and none of the calls and questions here are what it is about. */
  | { kind: 'message'; message: JSONRPCMessage }
  /** The record has changed. */
  | { kind: 'changed' }
  /** The session has ended. */
  | { kind: 'ended' };

/** Passes messages on. Methods reject if the engine is unavailable. */
export interface Relay {
  /** The name of this process: at least 64 random bits, so that no other has it, nor this one after a restart. */
  readonly node: string;
  /** Whether other nodes may have the same sessions. Then this one leaves new calls to them as soon as it stops. */
  readonly hasPeers: boolean;
  /** Whether a node is running, as far as anybody knows; one that has died counts as running for another 15 seconds at most. */
  isAlive(node: string): Promise<boolean>;
  /**
   * Calls `listener` with what other nodes `send` about a session, in the order of each, until the returned function is
   * called.
   */
  join(sessionId: string, listener: (message: RelayMessage) => void): Promise<() => void>;
  /** Sends a message to all other nodes that have joined a session. Those that join later do not get it. */
  send(sessionId: string, message: RelayMessage): Promise<void>;
}
