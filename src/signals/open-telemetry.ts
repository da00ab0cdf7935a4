/**
 * Spans by the semantic conventions for MCP: one for each request and notification of a client, made with the API of
 * OpenTelemetry. A program that wants them sets up an SDK before this server starts; otherwise, the API is not loaded.
 *
 * A span has no argument, result, URI or session id, and no name that the server does not know itself: all of those are
 * the client's, and traces are read by more people than the data of users should be.
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md
 */
import type * as OpenTelemetry from '@opentelemetry/api';
import type { Attributes, Context, Link } from '@opentelemetry/api';
import { SUPPORTED_PROTOCOL_VERSIONS, TRACEPARENT_META_KEY } from '@modelcontextprotocol/server';
import type { TracedMessage, Tracing } from './tracing.ts';

const NAME = 'hono-mcp-server';
/**
 * The longest text that is taken from `_meta` or a header: what W3C Baggage allows, and far more than a `traceparent` needs. A
 * span keeps its `tracestate` until it is sent, so a longer one would let a client fill the memory with spans that wait.
 */
const MAX_PROPAGATED_CHARS = 8192;

/** Makes a {@link Tracing} that uses the API of OpenTelemetry. */
export function createTracing(api: typeof OpenTelemetry): Tracing {
  const { context, trace, SpanKind, SpanStatusCode } = api;
  const tracer = trace.getTracer(NAME);
  return {
    begin(message) {
      const { method, target } = message;
      const { parent, links } = originOf(api, message);
      const attributes = attributesOf(message);
      const span = tracer.startSpan(nameOf(method, target), { kind: SpanKind.SERVER, attributes, links }, parent);
      const active = trace.setSpan(parent, span);
      return {
        run: (work) => context.with(active, work),
        end({ errorType, code, target: found }) {
          if (target === undefined && found !== undefined) {
            span.updateName(nameOf(method, found));
            span.setAttributes(targetAttributes(method, found));
          }
          if (code !== undefined) span.setAttribute('rpc.response.status_code', code);
          if (errorType !== undefined) {
            span.setAttribute('error.type', errorType);
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end();
        },
      };
    },
    async flush() {
      // The API has no such method, but the SDK's provider does, behind the API's own.
      const provider: object = trace.getTracerProvider();
      const delegate: unknown = callOf(provider, 'getDelegate')?.();
      await callOf(delegate instanceof Object ? delegate : provider, 'forceFlush')?.();
    },
  };
}

/** A method of a provider, if it has one of that name. Its class is not checked: a process may hold several copies of it. */
function callOf(provider: object, name: string): (() => unknown) | undefined {
  const method: unknown = Reflect.get(provider, name);
  return typeof method === 'function' ? () => Reflect.apply(method, provider, []) : undefined;
}

/** `{mcp.method.name} {target}`. */
function nameOf(method: string, target: string | undefined): string {
  return target === undefined ? method : `${method} ${target}`;
}

/**
 * The parent of a span: what `_meta` says; otherwise the span that is active, such as that of an instrumented HTTP server;
 * otherwise what the headers say. If it is the first, the transport's is linked.
 */
function originOf(api: typeof OpenTelemetry, { meta, headers }: TracedMessage): { parent: Context; links: Link[] } {
  const { context, propagation, trace } = api;
  const active = context.active();
  const ofTransport = trace.getSpanContext(active)
    ? active
    : propagation.extract(active, headers, { get: headerOf, keys: () => [] });
  if (typeof meta?.[TRACEPARENT_META_KEY] !== 'string') return { parent: ofTransport, links: [] };
  const parent = propagation.extract(trace.deleteSpan(active), meta, { get: textOf, keys: Object.keys });
  if (!trace.getSpanContext(parent)) return { parent: ofTransport, links: [] };
  const linked = trace.getSpanContext(ofTransport);
  return { parent, links: linked ? [{ context: linked }] : [] };
}

function headerOf(headers: Headers, key: string): string | undefined {
  return boundedText(headers.get(key));
}

function textOf(meta: Readonly<Record<string, unknown>>, key: string): string | undefined {
  return boundedText(meta[key]);
}

function boundedText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MAX_PROPAGATED_CHARS ? value : undefined;
}

function attributesOf({ method, target, id, revision }: TracedMessage): Attributes {
  return {
    'mcp.method.name': method,
    'network.transport': 'tcp',
    'network.protocol.name': 'http',
    // An id that is a string may say anything.
    ...(typeof id === 'number' && { 'jsonrpc.request.id': String(id) }),
    ...(revision !== undefined && isRevision(revision) && { 'mcp.protocol.version': revision }),
    ...(method === 'tools/call' && { 'gen_ai.operation.name': 'execute_tool' }),
    ...(target !== undefined && targetAttributes(method, target)),
  };
}

function targetAttributes(method: string, target: string): Attributes {
  return method === 'prompts/get' ? { 'gen_ai.prompt.name': target } : { 'gen_ai.tool.name': target };
}

function isRevision(text: string): boolean {
  return text === '2026-07-28' || SUPPORTED_PROTOCOL_VERSIONS.includes(text);
}
