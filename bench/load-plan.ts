/** The messages between the bench and its load generator. */
import type { Expected } from './answers.ts';
import type { Call, Era } from './requests.ts';

/** What a load generator is to do. */
export interface LoadPlan {
  port: number;
  era: Era;
  connections: number;
  call: Call;
  expected: Expected;
  /**
   * `call`: the same call again and again, each connection in a session of its own, where there are sessions.
   * `churn`: `initialize`, the call and DELETE, again and again.
   * `work`: the same with the calls of `work-calls.ts` and `tools/list` in turn, a session each.
   */
  mode: 'call' | 'churn' | 'work';
  /** Sessions that each connection uses in turn, in `call`. @default 1 */
  sessionsEach?: number;
  /** How long each connection waits after so many units. @default not at all */
  pause?: { milliseconds: number; every: number };
}

/** The result of a window of load. */
export interface LoadResult {
  /** Calls with a right answer; in `churn` and `work`, whole sessions. */
  count: number;
  /** From the first request to the last answer. */
  seconds: number;
  /** The time of each, in milliseconds. */
  p50: number;
  p99: number;
  /** CPU time of the generator as a share of one core: near 1, the generator is the bottleneck. */
  generatorShare: number;
  /** Answers that were wrong or missing. Any of them disqualifies. */
  failures: number;
  /** The first of them. */
  problem?: string | undefined;
  /** The form of the answers. */
  answers: 'JSON' | 'stream';
}

/** To the generator: load for that long. */
export interface LoadCommand {
  seconds: number;
}

/** From the generator: it is connected, a window has ended, or it failed. */
export type LoadReport = { ready: true } | { result: LoadResult } | { failed: string };
