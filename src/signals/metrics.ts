/**
 * What the server tells of itself in numbers. `metrics/prometheus.ts` turns it into metrics; without one, nothing is told.
 *
 * What happens is told once, where it ends. What lasts, such as sessions, is read when the metrics are.
 */
import type { Logger } from '../telemetry/log.ts';
import type { RequestReport } from '../telemetry/request-report.ts';

/** The levels whose lines are counted. */
export const COUNTED_LEVELS = ['warn', 'error'] as const;
/** One of {@link COUNTED_LEVELS}. */
export type CountedLevel = (typeof COUNTED_LEVELS)[number];

/** Why sessions end. `sessions/` passes its `SessionEndReason`, and does not compile if one is missing here. */
export const SESSION_ENDS = ['deleted', 'expired', 'evicted'] as const;
/** One of {@link SESSION_ENDS}. */
export type SessionEnd = (typeof SESSION_ENDS)[number];

/** An MCP request or notification that has ended. All names are from bounded sets (`labels.ts`). */
export interface EndedCall {
  /** Its JSON-RPC method. */
  method: string;
  /** The tool that it called. */
  tool: string | undefined;
  /** `error.type` of the semantic conventions; `undefined` if it succeeded. */
  errorType: string | undefined;
  /** From its arrival to its answer, in seconds. */
  seconds: number;
}

/** What lasts, to be read whenever somebody asks. */
export interface Readings {
  /** Sessions, on all nodes that share them. Rejects if the engine is unavailable. */
  countSessions(): Promise<number>;
  /** Sessions whose server is in the memory of this process. */
  liveSessions(): number;
  /** Event streams with a connection to this process. */
  openStreams(): number;
  /** Calls that are running in this process. */
  runningCalls(): number;
  /** Bytes in the event log, as its bounds count them; `undefined` if its engine does not tell. */
  eventLogBytes(): number | undefined;
  /** Whether the engines work. */
  isAvailable(): boolean;
}

/** Receives counts and durations. No method throws. */
export interface Metrics {
  /** A request was answered; a stream, as soon as it has begun. `tool` is from a bounded set. */
  requestAnswered(report: Readonly<RequestReport>, tool: string | undefined): void;
  /** A request or notification of a client has its answer, or never gets one. */
  callEnded(call: EndedCall): void;
  /** A session has ended; how long it lasted, in seconds, if that is known. */
  sessionEnded(reason: SessionEnd, seconds: number | undefined): void;
  /** Redis has answered a command or script, or failed to. */
  redisAnswered(command: string, outcome: 'ok' | 'error', seconds: number): void;
  /** There was something to log at level warn or error, whether or not the log shows that level. */
  lineLogged(level: CountedLevel): void;
  /** Takes what is read when somebody asks, once. */
  attach(readings: Readings): void;
}

/** Returns `log`, with its warnings and errors counted; itself if there are no metrics. */
export function countingLines(log: Logger, metrics: Pick<Metrics, 'lineLogged'> | undefined): Logger {
  if (!metrics) return log;
  const counting =
    (level: CountedLevel, write: Logger['warn']): Logger['warn'] =>
    (message, fields) => {
      metrics.lineLogged(level);
      write(message, fields);
    };
  return { ...log, warn: counting('warn', log.warn), error: counting('error', log.error) };
}
