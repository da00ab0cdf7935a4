/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * This comes after the Origin check, so every origin that gets here is allowed; a refused one gets no CORS headers. Any
 * request header is allowed, since clients of 2026-07-28 send headers named after parameters (`Mcp-Param-*`). There are
 * no cookies, and therefore no credentials mode.
 */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/** How long browsers may cache a preflight, in seconds: the most that Chromium accepts. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages can read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After', 'X-Request-Id'];

/** Answers preflights and adds CORS headers to other responses. Does nothing without an `Origin` header. */
export function browserAccess(): MiddlewareHandler {
  const addHeaders = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_SECONDS,
  });
  return (c, next) => (c.req.raw.headers.has('origin') ? addHeaders(c, next) : next());
}
