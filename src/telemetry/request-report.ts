/**
 * What becomes known of a request on its way: one object, which the log, metrics and traces read once the answer is ready.
 *
 * Whoever learns something writes it down here. Nothing is computed or shortened before somebody reads it, and what must
 * not be logged as it is, such as the id of a session, is hashed by the reader.
 */
import { CLIENT_INFO_META_KEY } from '@modelcontextprotocol/server';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { Clock } from '../lib/clock.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import type { Incoming } from '../protocol/incoming.ts';

/** Every {@link RefusalReason}. */
export const REFUSAL_REASONS = [
  'host',
  'origin',
  'auth',
  'scope',
  'rate_limit',
  'path',
  'protocol',
  'body_too_large',
  'unknown_session',
  'sessions',
  'calls',
  'draining',
  'unavailable',
] as const;

/**
 * Why a request was refused:
 *
 * - `host`, `origin`: its `Host` or `Origin` is not allowed
 * - `auth`: it has no valid token
 * - `scope`: its token lacks a scope
 * - `rate_limit`: its caller has made too many requests
 * - `path`: there is nothing at its path
 * - `protocol`: it violates HTTP, JSON-RPC or MCP
 * - `body_too_large`
 * - `unknown_session`: its session is unknown, has ended, or is somebody else's
 * - `sessions`: there are too many sessions or streams
 * - `calls`: there are too many running calls
 * - `draining`: the server is stopping
 * - `unavailable`: the authorization server, or what keeps the sessions, is unavailable
 */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The program of a client, in its own words. */
export interface ClientProgram {
  name: string;
  version: string;
}

/** The header of an answer that has the id of its request. */
const ID_HEADER = 'X-Request-Id';

/** What is known of one request. */
export interface RequestReport {
  /** The id of the request, not of its JSON-RPC message. */
  readonly id: string;
  /** The HTTP method. */
  readonly httpMethod: string;
  /** The path it was routed by, without the query. */
  readonly path: string;
  /** When it arrived, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The key of the authenticated principal; empty if there is none. Others can guess it, so log only a keyed hash. */
  principal: string;
  /** The messages of a POST, once they are known to be JSON-RPC. */
  incoming: Incoming | undefined;
  /** The session that it belongs to or has opened. It is a secret: log only a hash. */
  sessionId: string | undefined;
  /** The revision of its session; modern requests name theirs in `incoming`. */
  revision: string | undefined;
  /** The program that its session was opened by; other requests may name theirs in `incoming`. */
  client: ClientProgram | undefined;
  /** Why it was refused, if it was. */
  refusal: RefusalReason | undefined;
  /** Whether the server of its session had to be rebuilt from its record. */
  isRehydration: boolean;
  /** Whether it asks for what a broken stream has missed (`Last-Event-ID`). */
  isResumption: boolean;
  /** The status of the answer; 0 until there is one. */
  status: number;
  /** How long the answer took, in milliseconds. A stream is an answer as soon as it begins. 0 until there is one. */
  ms: number;
}

/** What Hono's context has from the first middleware on. */
export type ReportEnv = { Variables: { report: RequestReport } };

/** Options for {@link requestReport}. */
export interface RequestReportOptions {
  clock: Pick<Clock, 'now'>;
  /** Finds or makes the id of a request. */
  requestId: (c: Context) => string;
  /** Sets a header of the answer, before there is one. @default headers are set once there is an answer */
  setHeader?: ((c: Context, name: string, value: string) => void) | undefined;
  /** Receives what is thrown by whatever comes after. */
  onfailure: (thrown: unknown, report: RequestReport) => void;
  /** Receives the report when the answer is ready, which waits for it. Must not throw. */
  onanswer: (report: Readonly<RequestReport>) => void | Promise<void>;
}

/**
 * Sets `c.var.report`, the first thing that happens to a request, and passes it on when the answer is ready. The answer has
 * the id of the request in `X-Request-Id`.
 */
export function requestReport({ clock, requestId, setHeader, onfailure, onanswer }: RequestReportOptions) {
  return createMiddleware<ReportEnv>(async (c, next) => {
    const { method, path } = c.req;
    const report = createReport({ id: requestId(c), httpMethod: method, path, startedAt: clock.now() });
    c.set('report', report);
    setHeader?.(c, ID_HEADER, report.id);
    try {
      await next();
    } catch (thrown) {
      // Hono passes only an `Error` to `onError`, and this is something else.
      onfailure(thrown, report);
      c.res = internalErrorResponse();
    }
    report.status = c.res.status;
    report.ms = clock.now() - report.startedAt;
    report.refusal ??= refusalOf(report.status);
    if (!setHeader) setRequestId(c, report.id);
    await onanswer(report);
  });
}

function setRequestId(c: Context, id: string): void {
  try {
    // Not by `c.header()`, which copies the answer, and so takes it out of the fast path of the adapter for Node.js.
    c.res.headers.set(ID_HEADER, id);
  } catch {
    // The headers of an answer that was fetched from elsewhere cannot be changed.
    c.header(ID_HEADER, id);
  }
}

/** Makes a report that knows no more than the request line. */
export function createReport({
  id,
  httpMethod,
  path,
  startedAt,
}: Pick<RequestReport, 'id' | 'httpMethod' | 'path' | 'startedAt'>): RequestReport {
  return {
    id,
    httpMethod,
    path,
    startedAt,
    principal: '',
    incoming: undefined,
    sessionId: undefined,
    revision: undefined,
    client: undefined,
    refusal: undefined,
    isRehydration: false,
    isResumption: false,
    status: 0,
    ms: 0,
  };
}

/** Why an answer with `status` refuses a request, unless it is known better; `undefined` if it does not refuse it. */
function refusalOf(status: number): RefusalReason | undefined {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 415:
      return 'protocol';
    case 401:
      return 'auth';
    case 403:
      return 'scope';
    case 404:
      return 'path';
    case 413:
      return 'body_too_large';
    case 429:
      return 'calls';
    case 503:
      return 'unavailable';
    default:
      return undefined;
  }
}

/** The era of a request; `undefined` if it is not known. GET and DELETE belong to sessions, which only the legacy era has. */
export function eraOf({ incoming, sessionId }: Readonly<RequestReport>): 'legacy' | 'modern' | undefined {
  return incoming?.era ?? (sessionId === undefined ? undefined : 'legacy');
}

/** The revision of a request, as far as it is known. The client of a modern request may name any text. */
export function revisionOf({ incoming, revision }: Readonly<RequestReport>): string | undefined {
  return incoming?.revision ?? revision;
}

/** The JSON-RPC method of a POST, `batch` for several messages, `response` for an answer to the server. A client may name any text. */
export function rpcMethodOf({ incoming }: Readonly<RequestReport>): string | undefined {
  if (!incoming) return undefined;
  return incoming.method ?? (incoming.kind === 'batch' ? 'batch' : 'response');
}

/** The program of the client, as far as it is known: any texts. */
export function clientOf({ client, incoming }: Readonly<RequestReport>): ClientProgram | undefined {
  if (client) return client;
  const params = incoming?.requests.length === 1 ? incoming.requests[0]?.params : undefined;
  const info: unknown = params?.['clientInfo'] ?? params?._meta?.[CLIENT_INFO_META_KEY];
  if (typeof info !== 'object' || info === null || !('name' in info) || !('version' in info)) return undefined;
  const { name, version } = info;
  return typeof name === 'string' && typeof version === 'string' ? { name, version } : undefined;
}
