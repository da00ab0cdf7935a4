/**
 * The metrics of this process, for Prometheus. Loaded only if `MCP_METRICS_PORT` is set.
 *
 * docs/operating.md lists them. Names and labels are those of OpenTelemetry's semantic conventions for MCP where they have
 * one, written as Prometheus writes them. What lasts is read when Prometheus asks.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../lib/clock.ts';
import { methodLabel, OTHER } from '../signals/labels.ts';
import { COUNTED_LEVELS, SESSION_ENDS, type Metrics, type Readings } from '../signals/metrics.ts';
import { eraOf, REFUSAL_REASONS, rpcMethodOf, type RequestReport } from '../telemetry/request-report.ts';

/** The buckets of the semantic conventions ("Metric: `mcp.server.operation.duration`"). */
const OPERATION_BUCKETS_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
/** Those of the conventions, and more: a session may last for days. */
const SESSION_BUCKETS_SECONDS = [1, 10, 60, 300, 1800, 3600, 14_400, 86_400];
/** From a server next door to the time after which a command is given up. The clock has milliseconds. */
const REDIS_BUCKETS_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
/** How long a scrape waits for the number of sessions. Prometheus gives up after 10 seconds by default. */
const MAX_COUNT_MS = 1000;
const HTTP_METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD']);
/** What `rpcMethodOf` says of a POST that has no method. */
const METHODLESS: ReadonlySet<string> = new Set(['batch', 'response']);

/** Metrics that can be read as text. */
export interface PrometheusMetrics extends Metrics {
  /** The media type of the text. */
  readonly contentType: string;
  /** All metrics in Prometheus's text format. */
  text(): Promise<string>;
}

/** Makes the metrics of a process, with those of Node.js. */
export function createPrometheusMetrics({ clock }: { clock: Pick<Clock, 'after'> }): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = createCounters(registry);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    requestAnswered(report, tool) {
      if (report.path === '/mcp') counters.requests.inc(requestLabels(report, tool));
      if (report.refusal !== undefined) counters.refusals.inc({ reason: report.refusal });
      if (report.isRehydration) counters.rehydrations.inc();
      if (report.isResumption && report.status === 200) counters.resumptions.inc();
    },
    callEnded: ({ method, tool = '', errorType = '', seconds }) =>
      counters.operations.observe({ mcp_method_name: method, gen_ai_tool_name: tool, error_type: errorType }, seconds),
    sessionEnded(reason, seconds) {
      counters.sessionsEnded.inc({ reason });
      if (seconds !== undefined) counters.sessionDurations.observe(seconds);
    },
    redisAnswered: (command, outcome, seconds) => counters.redis.observe({ command, outcome }, seconds),
    lineLogged: (level) => counters.lines.inc({ level }),
    attach: (readings) => addGauges(registry, readings, clock),
  };
}

function requestLabels(report: Readonly<RequestReport>, tool: string | undefined) {
  const { httpMethod, status } = report;
  const method = rpcMethodOf(report) ?? '';
  return {
    http_request_method: HTTP_METHODS.has(httpMethod) ? httpMethod : OTHER,
    http_response_status_code: status,
    era: eraOf(report) ?? '',
    mcp_method_name: method === '' || METHODLESS.has(method) ? method : methodLabel(method),
    gen_ai_tool_name: tool ?? '',
  };
}

/** What is counted when it happens. */
function createCounters(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers });
  return startedAtZero({
    requests: counter('mcp_server_http_requests_total', 'Requests to /mcp that were answered, refusals included', [
      'http_request_method',
      'http_response_status_code',
      'era',
      'mcp_method_name',
      'gen_ai_tool_name',
    ]),
    operations: new Histogram({
      name: 'mcp_server_operation_duration_seconds',
      help: 'Time from the arrival of an MCP request or notification to its answer',
      labelNames: ['mcp_method_name', 'gen_ai_tool_name', 'error_type'],
      buckets: OPERATION_BUCKETS_SECONDS,
      registers,
    }),
    refusals: counter('mcp_server_refusals_total', 'Requests that were refused', ['reason']),
    rehydrations: counter('mcp_server_rehydrations_total', 'Servers that were rebuilt from the record of a session'),
    resumptions: counter('mcp_server_resumptions_total', 'Streams that clients have resumed with Last-Event-ID'),
    sessionsEnded: counter('mcp_server_sessions_ended_total', 'Sessions that this process has ended', ['reason']),
    sessionDurations: new Histogram({
      name: 'mcp_server_session_duration_seconds',
      help: 'How long sessions lasted that were deleted or evicted',
      buckets: SESSION_BUCKETS_SECONDS,
      registers,
    }),
    redis: new Histogram({
      name: 'mcp_server_redis_duration_seconds',
      help: 'Time until Redis has answered a command or script, or has failed to',
      labelNames: ['command', 'outcome'],
      buckets: REDIS_BUCKETS_SECONDS,
      registers,
    }),
    lines: counter('mcp_server_log_lines_total', 'Lines that were logged, by level', ['level']),
  });
}

/** Gives each series whose labels are known in advance the value 0. One that begins at 1 has no increase for Prometheus to see. */
function startedAtZero<T extends Record<'refusals' | 'sessionsEnded' | 'lines', Counter>>(counters: T): T {
  for (const reason of REFUSAL_REASONS) counters.refusals.inc({ reason }, 0);
  for (const reason of SESSION_ENDS) counters.sessionsEnded.inc({ reason }, 0);
  for (const level of COUNTED_LEVELS) counters.lines.inc({ level }, 0);
  return counters;
}

/** What is read when Prometheus asks. */
function addGauges(registry: Registry, readings: Readings, clock: Pick<Clock, 'after'>): void {
  const gauge = (name: string, help: string, read: () => number | undefined | Promise<number | undefined>) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        // A metric without a value says that it is unknown, which 0 does not.
        const value = await read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  gauge('mcp_server_sessions', 'Sessions, on all nodes that share them', () =>
    inTime(async () => readings.countSessions(), MAX_COUNT_MS, clock),
  );
  gauge('mcp_server_live_sessions', 'Sessions whose server is in memory', () => readings.liveSessions());
  gauge('mcp_server_open_streams', 'Event streams with a connection', () => readings.openStreams());
  gauge('mcp_server_running_calls', 'Calls that are running', () => readings.runningCalls());
  gauge('mcp_server_event_log_bytes', 'Bytes in the event log, as its bounds count them', () =>
    readings.eventLogBytes(),
  );
  gauge('mcp_server_engine_up', 'Whether what keeps the sessions works (1) or not (0)', () =>
    Number(readings.isAvailable()),
  );
}

/** Resolves to what `read` resolves to, or to `undefined` if it takes too long or fails. */
async function inTime<T>(read: () => Promise<T>, milliseconds: number, clock: Pick<Clock, 'after'>) {
  let cancel: (() => void) | undefined;
  const late = new Promise<undefined>((resolve) => (cancel = clock.after(milliseconds, () => resolve(undefined))));
  return Promise.race([read().catch(() => undefined), late]).finally(() => cancel?.());
}
