/**
 * What traces learn of a call when it begins and when it ends. `open-telemetry.ts` makes spans from it; without an
 * OpenTelemetry SDK in the process, that file is not loaded, and there are no spans.
 */
import type { Logger } from '../telemetry/log.ts';

/** Where every copy of OpenTelemetry's API in a process finds the SDK that was registered. */
const REGISTRY = Symbol.for('opentelemetry.js.api.1');

/** The message that a span is about. All names are from bounded sets. */
export interface TracedMessage {
  method: string;
  /** The tool or prompt that it names, if the server is known to have it. */
  target: string | undefined;
  /** Its JSON-RPC id; `undefined` for a notification. */
  id: string | number | undefined;
  /** Its `params._meta`. */
  meta: Readonly<Record<string, unknown>> | undefined;
  /** The HTTP request that it came with. */
  headers: Headers;
  revision: string | undefined;
}

/** How a call has ended. */
export interface Outcome {
  /** `error.type`; `undefined` for a success. */
  errorType: string | undefined;
  /** The code of a JSON-RPC error, from a bounded set. */
  code: string | undefined;
  /** As in {@link TracedMessage}, if only the answer has shown it. */
  target: string | undefined;
}

/** A span that has begun. */
export interface CallSpan {
  /** Runs `work` with the span as the parent of every span that begins in it. */
  run<T>(work: () => T): T;
  end(outcome: Outcome): void;
}

/** Makes spans. */
export interface Tracing {
  begin(message: TracedMessage): CallSpan;
  /** Resolves when the SDK has sent the spans that have ended, if it can tell. Rejects if it cannot send them. */
  flush(): Promise<void>;
}

/**
 * Resolves to what makes spans, or to `undefined` if no SDK of OpenTelemetry is registered in this process. To register one
 * later has no effect.
 */
export async function openTracing(log: Pick<Logger, 'warn'>): Promise<Tracing | undefined> {
  const registered = Reflect.get(globalThis, REGISTRY) as { trace?: unknown } | undefined;
  if (registered?.trace === undefined) return undefined;
  try {
    const [{ createTracing }, api] = await Promise.all([import('./open-telemetry.ts'), import('@opentelemetry/api')]);
    return createTracing(api);
  } catch (error) {
    log.warn('an OpenTelemetry SDK is registered, but there are no spans: install @opentelemetry/api', {
      error: String(error),
    });
    return undefined;
  }
}
