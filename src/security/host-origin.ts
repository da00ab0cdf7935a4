/**
 * The Host and Origin checks.
 *
 * A page of any site can make a browser send requests to a server on this machine: with DNS rebinding, the site's own
 * name resolves to 127.0.0.1. But the browser still sends the true `Host` and `Origin`, so both are compared with the
 * expected values before anything else happens.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-endpoint
 */
import { localhostAllowedHostnames, validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server';
import { createMiddleware } from 'hono/factory';
import { forbiddenResponse } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { ReportEnv, RequestReport } from '../telemetry/request-report.ts';
import { isLoopback, isWildcard, urlHostname } from './loopback.ts';
import { isOrigin } from './origin.ts';

/** Options for {@link createHostOriginPolicy}. */
export interface HostOriginOptions {
  /** The address that the server listens on. Loopback origins are allowed only if it is a loopback address. */
  host: string;
  /** The URL that clients use. Its host and its origin are allowed. */
  publicUrl?: string | undefined;
  /** Further host names, without ports. */
  allowedHosts: readonly string[];
  /** Further origins; `scheme://*` allows every origin of an extension scheme. */
  allowedOrigins: readonly string[];
  /** Whether to allow `Origin: null`, which any page can send from a sandboxed frame. @default false */
  insecureAllowNullOrigin?: boolean;
}

/** A refusal: a generic message for the client, and for the log the reason and the setting that would allow the request. */
export interface Refusal {
  message: string;
  remedy: string;
}

/** The two checks. Each returns `undefined` if the request may pass. */
export interface HostOriginPolicy {
  /** Checks the `Host` header (RFC 9110 section 7.2), which is required, and the host of the URL. */
  refuseHost(request: Request): Refusal | undefined;
  /**
   * Checks the `Origin` header (RFC 6454 section 7) of a request whose host has passed. A page of this server may call. A
   * request without the header may pass, since browsers send it with every POST and DELETE, and with every GET of a page
   * of another origin that wants to read the answer.
   */
  refuseOrigin(request: Request): Refusal | undefined;
}

/** Makes the checks of one server. */
export function createHostOriginPolicy(options: HostOriginOptions): HostOriginPolicy {
  const publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl);
  const hostnames = [...localhostAllowedHostnames(), ...options.allowedHosts.map(urlHostname)];
  if (!isWildcard(options.host)) hostnames.push(urlHostname(options.host));
  if (publicUrl) hostnames.push(publicUrl.hostname);

  const origins = new Set(options.allowedOrigins);
  if (options.insecureAllowNullOrigin) origins.add('null');
  if (publicUrl) origins.add(publicUrl.origin);
  // The SDK's check handles host names, with any port, and `scheme://*`. Full origins are compared here.
  const originHostnames = options.allowedOrigins.filter((origin) => origin.endsWith('://*'));
  if (isLoopback(options.host)) originHostnames.push(...localhostAllowedHostnames());

  function refuseName(header: string | null): Refusal | undefined {
    // A name may end with a dot, as it does in the DNS.
    const host = header?.replace(/\.(?=:\d+$|$)/, '') ?? null;
    const result = validateHostHeader(host, hostnames);
    if (result.ok) return undefined;
    const { errorCode, hostname, message } = result;
    const remedy = errorCode === 'invalid_host' ? `${message}; allow it with MCP_ALLOWED_HOSTS=${hostname}` : message;
    return { message: 'Host not allowed', remedy };
  }

  /** The last `Host` that was allowed. Most clients use the same one. */
  let lastAllowed: string | undefined;

  return {
    refuseHost(request) {
      // Before the URL is parsed: an adapter may have copied an invalid `Host` into it.
      const header = request.headers.get('host');
      if (header === null || header !== lastAllowed) {
        const refusal = refuseName(header);
        if (refusal) return refusal;
        lastAllowed = header ?? undefined;
      }
      // The request target is usually a path, which adapters append to that name.
      if (request.url.startsWith(`http://${header}/`)) return undefined;
      const { host, username, password } = new URL(request.url);
      if (username !== '' || password !== '') {
        return { message: 'Host not allowed', remedy: 'The request target contains credentials' };
      }
      // A target in absolute form has its own host, which takes precedence (RFC 9112 section 3.2.2).
      return host === header ? undefined : refuseName(host);
    },
    refuseOrigin(request) {
      const origin = request.headers.get('origin');
      if (origin === null || origins.has(origin)) return undefined;
      const result = validateOriginHeader(origin, originHostnames);
      if (result.ok || isSameOrigin(origin, request)) return undefined;
      return { message: 'Origin not allowed', remedy: `${result.message}${remedyFor(origin)}` };
    },
  };
}

/**
 * Whether a page of this server sends the request. The host was checked, so this is not true of a page that uses DNS rebinding.
 *
 * `Sec-Fetch-Site` alone would not do: such a page is same-origin for its browser, and a proxy may have replaced its `Host`.
 *
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
function isSameOrigin(origin: string, request: Request): boolean {
  const { protocol, host } = new URL(request.url);
  const site = request.headers.get('sec-fetch-site');
  // Browsers do not send it to a plain http URL beyond loopback.
  if (site === null) return origin === `${protocol}//${host}`;
  // A proxy that ends TLS hides the scheme, but the browser has compared it.
  return site === 'same-origin' && (origin === `https://${host}` || origin === `http://${host}`);
}

/** Completes a sentence with the setting that would allow an origin, if there is one. */
function remedyFor(origin: string): string {
  if (origin === 'null')
    return '; sandboxed frames and local files send it: MCP_INSECURE_ALLOW_NULL_ORIGIN=true allows it';
  return isOrigin(origin) ? `; allow it with MCP_ALLOWED_ORIGINS=${origin}` : '';
}

/** Answers 403 to requests that the policy refuses, and logs the setting that would allow them. */
export function hostOrigin(policy: HostOriginPolicy, log: Logger) {
  return createMiddleware<ReportEnv>(async (c, next) => {
    const refusedHost = policy.refuseHost(c.req.raw);
    const refusal = refusedHost ?? policy.refuseOrigin(c.req.raw);
    if (!refusal) return next();
    return refusalResponse(refusal, refusedHost ? 'host' : 'origin', c.get('report'), log);
  });
}

/** The same without the Origin check, for public documents, which pages of any origin may read. */
export function hostOnly(policy: HostOriginPolicy, log: Logger) {
  return createMiddleware<ReportEnv>(async (c, next) => {
    const refusal = policy.refuseHost(c.req.raw);
    return refusal ? refusalResponse(refusal, 'host', c.get('report'), log) : next();
  });
}

function refusalResponse(refusal: Refusal, kind: 'host' | 'origin', report: RequestReport, log: Logger): Response {
  report.refusal = kind;
  log.warn(refusal.message, { requestId: report.id, why: refusal.remedy });
  return forbiddenResponse(refusal.message);
}
