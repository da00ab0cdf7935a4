/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * It comes after the Origin check, so whoever gets here is allowed; a refused origin gets no CORS header at all. Any
 * header may be sent: clients of the modern era make up names (`Mcp-Param-*`), which no list could hold. There are no
 * cookies, hence no credentials mode.
 */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/** How long browsers may remember a preflight, in seconds; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages must be able to read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'];

/** Answers preflights, and adds CORS headers to every other answer. Does nothing without an `Origin`. */
export function browserAccess(): MiddlewareHandler {
  const addHeaders = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_SECONDS,
  });
  return (c, next) => (c.req.raw.headers.has('origin') ? addHeaders(c, next) : next());
}
