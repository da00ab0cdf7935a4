/**
 * Who may be addressed, and by whose pages: the Host and Origin checks.
 *
 * A page of any site can make a browser send requests to a server on this machine (DNS rebinding turns
 * its own name into 127.0.0.1). The browser then tells the truth in `Host` and `Origin`, so both are
 * compared with what is expected, before anything else is looked at.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security-endpoint
 */
import { localhostAllowedHostnames, validateHostHeader, validateOriginHeader } from '@modelcontextprotocol/server';
import type { MiddlewareHandler } from 'hono';
import { forbiddenResponse } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';

/** What {@link createHostOriginPolicy} is made from; the names are those of `Config`. */
export interface HostOriginOptions {
  /** Address listened on. Loopback origins are allowed only while it is a loopback address. */
  host: string;
  /** URL that clients use. Its host and its origin are allowed. */
  publicUrl?: string | undefined;
  /** Further host names, without ports. */
  allowedHosts: readonly string[];
  /** Further origins; `scheme://*` allows every origin of an extension scheme. */
  allowedOrigins: readonly string[];
}

/** A refusal: generic words for the client; for the log what was wrong, and what would allow it where a setting can. */
export interface Refusal {
  message: string;
  remedy: string;
}

/** The two checks; each returns `undefined` when the request may pass. */
export interface HostOriginPolicy {
  /** Checks the `Host` header (RFC 9110 section 7.2), of which there must be one, and the host of the URL. */
  refuseHost(request: Request): Refusal | undefined;
  /** Checks the `Origin` header (RFC 6454 section 7). None at all is allowed: only browsers send it. */
  refuseOrigin(request: Request): Refusal | undefined;
}

/** Makes the checks of one server. */
export function createHostOriginPolicy(options: HostOriginOptions): HostOriginPolicy {
  const publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl);
  const hostnames = [...localhostAllowedHostnames(), ...options.allowedHosts.map(urlHostname)];
  if (!isWildcard(options.host)) hostnames.push(urlHostname(options.host));
  if (publicUrl) hostnames.push(publicUrl.hostname);

  const origins = new Set(options.allowedOrigins);
  if (publicUrl) origins.add(publicUrl.origin);
  // The SDK's check knows host names and `scheme://*`, any port; full origins are compared here.
  const originHostnames = options.allowedOrigins.filter((origin) => origin.endsWith('://*'));
  if (isLoopback(options.host)) originHostnames.push(...localhostAllowedHostnames());

  function refuseName(host: string | null): Refusal | undefined {
    const result = validateHostHeader(host, hostnames);
    if (result.ok) return undefined;
    const { errorCode, hostname, message } = result;
    const remedy = errorCode === 'invalid_host' ? `${message}; allow it with MCP_ALLOWED_HOSTS=${hostname}` : message;
    return { message: 'Host not allowed', remedy };
  }

  /** The last `Host` that was found to be allowed: clients keep to one. */
  let lastAllowed: string | undefined;

  return {
    refuseHost(request) {
      // First: an adapter may have put it into the URL as it is, which then is no URL at all.
      const header = request.headers.get('host');
      if (header === null || header !== lastAllowed) {
        const refusal = refuseName(header);
        if (refusal) return refusal;
        lastAllowed = header ?? undefined;
      }
      // The usual target is a path, which adapters put behind that name.
      if (request.url.startsWith(`http://${header}/`)) return undefined;
      const { host, username, password } = new URL(request.url);
      if (username !== '' || password !== '') {
        return { message: 'Host not allowed', remedy: 'There are credentials in the request target' };
      }
      // A target in absolute form names a host of its own, which then is the one that counts (RFC 9112 section 3.2.2).
      return host === header ? undefined : refuseName(host);
    },
    refuseOrigin(request) {
      const origin = request.headers.get('origin');
      if (origin !== null && origins.has(origin)) return undefined;
      const result = validateOriginHeader(origin, originHostnames);
      if (result.ok) return undefined;
      const { errorCode, message } = result;
      const remedy =
        errorCode === 'invalid_origin' ? `${message}; allow it with MCP_ALLOWED_ORIGINS=${origin}` : message;
      return { message: 'Origin not allowed', remedy };
    },
  };
}

/** Whether `host` (a name or an address, with or without brackets) can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const name = urlHostname(host);
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}

function isWildcard(host: string): boolean {
  return ['0.0.0.0', '[::]'].includes(urlHostname(host));
}

/** `host` as `URL` writes it: lower case, IPv6 in brackets, IPv4 in four numbers. */
function urlHostname(host: string): string {
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : host;
}

/** Answers 403 to requests that the policy refuses; the log names the setting that would allow them. */
export function hostOrigin(policy: HostOriginPolicy, log: Logger): MiddlewareHandler {
  return async (c, next) => {
    const refusal = policy.refuseHost(c.req.raw) ?? policy.refuseOrigin(c.req.raw);
    if (!refusal) return next();
    log.warn(refusal.message, { why: refusal.remedy });
    return forbiddenResponse(refusal.message);
  };
}
