/** The messages between the run `bystander` and the process that floods. */
import type { Era } from './requests.ts';

/** The kinds of flood. */
export const FLOODS = ['calls', 'bodies', 'unread', 'sessions'] as const;
export type FloodKind = (typeof FLOODS)[number];

/** What to flood, and how. */
export interface FloodPlan {
  port: number;
  era: Era;
  kind: FloodKind;
  /** Bearer tokens, used by the connections in turn. */
  tokens: readonly string[];
  connections: number;
}

/** To the process: tell what came of it so far. */
export interface FloodCommand {
  ask: 'answers';
}

/** From the process: it has begun, or what came of it: how often each status, or what happened in place of an answer. */
export type FloodReport = { begun: true } | { answers: Record<string, number> };
