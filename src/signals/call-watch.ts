/**
 * Watches the calls of clients for metrics and traces, from the moment that a POST is read to the answer of each of its
 * messages, however late that comes and on whichever stream. Without metrics and traces, nothing is watched.
 */
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import type { Clock } from '../lib/clock.ts';
import { isEventStream } from '../protocol/accept.ts';
import type { Incoming } from '../protocol/incoming.ts';
import { createKnownNames, errorTypeOf, methodLabel, OTHER, type KnownNames } from './labels.ts';
import type { Metrics } from './metrics.ts';
import type { RequestReportOptions } from '../telemetry/request-report.ts';
import type { CallSpan, Outcome, Tracing } from './tracing.ts';

type OnAnswer = RequestReportOptions['onanswer'];

/** Watches the calls of one POST. */
export interface CallWatch {
  /** Runs what serves the POST with the span of its call active. Those of a batch are not: see `deliver`. */
  run<T>(work: () => T): T;
  /** Runs what passes a message of a batch on to the server with the span of that message active. */
  deliver(message: JSONRPCMessage, work: () => void): void;
  /** A call has its answer. Further answers to it are dropped. */
  answered(id: RequestId, answer: JSONRPCMessage): void;
  /** The POST has a response. Notifications end with it, and unless it is a stream, so do calls. */
  responded(response: Response): void;
  /** No call gets a later answer, because of a status if that is an error. */
  ended(status: number): void;
}

/** Begins to watch the calls of a POST that has arrived at a time; returns `undefined` if nobody wants to know. */
export type WatchCalls = (incoming: Incoming, startedAt: number, headers: Headers) => CallWatch | undefined;

/** Answers a POST by `work`, under watch if there is one. */
export async function watched(watch: CallWatch | undefined, work: () => Promise<Response>): Promise<Response> {
  if (!watch) return work();
  try {
    const response = await watch.run(work);
    watch.responded(response);
    return response;
  } catch (error) {
    watch.ended(500);
    throw error;
  }
}

/** Options for {@link createCallWatch}. */
export interface CallWatchOptions {
  metrics?: Pick<Metrics, 'callEnded' | 'requestAnswered'> | undefined;
  tracing?: Tracing | undefined;
  clock: Pick<Clock, 'now'>;
}

/** Watches calls, and learns from their answers which tools there are. */
export interface CallWatcher {
  watch: WatchCalls;
  /** Returns `tell`, which is called with each report when its answer is ready, with those reports counted. */
  counted: (tell: OnAnswer) => OnAnswer;
}

/** Makes what watches the calls of an app. */
export function createCallWatcher({ metrics, tracing, clock }: CallWatchOptions): CallWatcher {
  const names = { tools: createKnownNames(), prompts: createKnownNames() };
  const isWanted = metrics !== undefined || tracing !== undefined;
  return {
    watch: (incoming, startedAt, headers) =>
      isWanted ? new Watch(incoming, startedAt, headers, { metrics, tracing, clock, names }) : undefined,
    counted(tell) {
      if (!metrics) return tell;
      return (report) => {
        const tool = report.incoming?.tool;
        metrics.requestAnswered(report, tool === undefined ? undefined : names.tools.labelOf(tool));
        return tell(report);
      };
    },
  };
}

interface WatchParts extends CallWatchOptions {
  names: Record<'tools' | 'prompts', KnownNames>;
}

/** A message that has no answer yet. */
interface OpenCall {
  message: JSONRPCMessage;
  id: RequestId | undefined;
  method: string;
  /** What it names, whether or not it exists. */
  name: string | undefined;
  span: CallSpan | undefined;
}

class Watch implements CallWatch {
  readonly #parts: WatchParts;
  readonly #startedAt: number;
  readonly #open: OpenCall[];

  constructor(incoming: Incoming, startedAt: number, headers: Headers, parts: WatchParts) {
    this.#parts = parts;
    this.#startedAt = startedAt;
    const revision = incoming.revision ?? headers.get('mcp-protocol-version') ?? undefined;
    this.#open = incoming.messages.flatMap((message) => {
      // An answer to the server is part of the call that has asked.
      if (!('method' in message)) return [];
      const method = methodLabel(message.method);
      const { params } = message;
      const call: OpenCall = {
        message,
        method,
        id: 'id' in message ? message.id : undefined,
        name: typeof params?.['name'] === 'string' ? params['name'] : undefined,
        span: undefined,
      };
      call.span = parts.tracing?.begin({
        method,
        id: call.id,
        headers,
        target: this.#knownTarget(call),
        meta: params?._meta,
        revision,
      });
      return [call];
    });
  }

  run<T>(work: () => T): T {
    const [call, ...others] = this.#open;
    return call?.span && others.length === 0 ? call.span.run(work) : work();
  }

  deliver(message: JSONRPCMessage, work: () => void): void {
    const span = this.#open.find((call) => call.message === message)?.span;
    if (span) span.run(work);
    else work();
  }

  answered(id: RequestId, answer: JSONRPCMessage): void {
    const call = this.#open.find((open) => open.id === id);
    if (!call) return;
    this.#remove(call);
    const errorType = errorTypeOf(answer);
    if (errorType === undefined) this.#learn(call, answer);
    this.#end(call, errorType, 'error' in answer ? errorType : undefined);
  }

  responded(response: Response): void {
    // Not even a stream brings an answer to a notification.
    for (const call of this.#open.filter(({ id }) => id === undefined)) {
      this.#remove(call);
      this.#endByStatus(call, response.status);
    }
    const [call] = this.#open;
    // The stream of a subscription is its answer: it lasts as long as both sides want.
    if (!isEventStream(response) || call?.method === 'subscriptions/listen') this.ended(response.status);
  }

  ended(status: number): void {
    for (const call of this.#open.splice(0)) this.#endByStatus(call, status);
  }

  #remove(call: OpenCall): void {
    this.#open.splice(this.#open.indexOf(call), 1);
  }

  #endByStatus(call: OpenCall, status: number): void {
    this.#end(call, status < 400 ? undefined : String(status), undefined);
  }

  #end(call: OpenCall, errorType: string | undefined, code: string | undefined): void {
    const { metrics, clock, names } = this.#parts;
    const tool = call.method === 'tools/call' ? names.tools.labelOf(call.name ?? '') : undefined;
    const seconds = (clock.now() - this.#startedAt) / 1000;
    metrics?.callEnded({ method: call.method, tool, errorType, seconds });
    const outcome: Outcome = { errorType, code, target: this.#knownTarget(call) };
    call.span?.end(outcome);
  }

  #knownTarget({ method, name }: OpenCall): string | undefined {
    const label = namesFor(method, this.#parts.names)?.labelOf(name ?? '');
    return label === OTHER ? undefined : label;
  }

  /** Takes the names that an answer shows to exist: those of a list, and that of a tool or prompt that has worked. */
  #learn({ method, name }: OpenCall, answer: JSONRPCMessage): void {
    const { names } = this.#parts;
    namesFor(method, names)?.learn(name);
    if (!('result' in answer)) return;
    if (method === 'tools/list') learnAll(names.tools, answer.result['tools']);
    if (method === 'prompts/list') learnAll(names.prompts, answer.result['prompts']);
  }
}

function namesFor(method: string, { tools, prompts }: WatchParts['names']): KnownNames | undefined {
  if (method === 'tools/call') return tools;
  return method === 'prompts/get' ? prompts : undefined;
}

function learnAll(names: KnownNames, listed: unknown): void {
  if (!Array.isArray(listed)) return;
  for (const item of listed) names.learn((item as { name?: unknown } | null)?.name);
}
