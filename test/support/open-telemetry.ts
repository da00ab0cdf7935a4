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
  /** How often it was asked to send them. */
  readonly flushes: number;
  stop(): void;
}

/** Registers one for this process. */
export function startSdk(): Sdk {
  const exporter = new InMemorySpanExporter();
  let flushes = 0;
  const processor = new SimpleSpanProcessor(exporter);
  const forceFlush = processor.forceFlush.bind(processor);
  processor.forceFlush = () => {
    flushes += 1;
    return forceFlush();
  };
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    spans() {
      const spans = [...exporter.getFinishedSpans()];
      exporter.reset();
      return spans;
    },
    get flushes() {
      return flushes;
    },
    stop() {
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
