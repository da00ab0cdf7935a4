/**
 * The contract of a change log: what has changed, for clients that listen now, and for sessions that listen later.
 *
 * `memory/memory-change-log.ts` implements it in this process. `test/contracts/change-log.contract.ts` tests any
 * implementation.
 */
import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';

/** Changes after some point in time. */
export interface Changes {
  /** Each list and each resource that has changed, once, in the order of the last change. */
  events: ServerEvent[];
  /** Whether these are all; otherwise some were too long ago, or the number is not one of this log. */
  isComplete: boolean;
  /** The number of the last change in the log. Listeners here may yet have to hear of it. */
  last: number;
}

/**
 * The SDK's bus with a memory. Changes are numbered in the order of `publish`. Of the changes of one list or one resource
 * the log keeps the last, and it forgets the oldest when there are too many. An engine that takes time to publish may take
 * several changes of one list or resource for one, but never the last of them for an earlier one.
 */
export interface ChangeLog extends ServerEventBus {
  /** The number of the last change that listeners here have been called with; 0 before the first. */
  readonly last: number;
  /**
   * What has changed after the change with that number. A number beyond the last is from a log that was lost: nobody knows
   * what has changed since. Rejects if the engine is unavailable.
   */
  since(number: number): Promise<Changes>;
}
