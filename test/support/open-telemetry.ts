/** An SDK of OpenTelemetry that keeps spans in memory. */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';

export interface Sdk {
  /** The spans that have ended since the last call, in that order. */
  spans(): ReadableSpan[];
  stop(): void;
}

/** Registers one for this process. */
export function startSdk(): Sdk {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    spans() {
      const spans = [...exporter.getFinishedSpans()];
      exporter.reset();
      return spans;
    },
    stop() {
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
