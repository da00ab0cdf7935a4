/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * It stands behind the Origin check, so whoever gets here is allowed; a refused origin gets no CORS header
 * at all. Any header may be sent: clients of the modern era make up names (`Mcp-Param-*`), which no list
 * could hold. There are no cookies, hence no credentials mode.
 */
import { cors } from 'hono/cors';
import type { MiddlewareHandler } from 'hono';

/** How long browsers may remember a preflight, in seconds; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages must be able to read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'];

/** Middleware that answers preflights and marks answers, errors included. Without an `Origin` it does nothing. */
export function browserAccess(): MiddlewareHandler {
  const handle = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_SECONDS,
  });
  return (c, next) => (c.req.header('origin') === undefined ? next() : handle(c, next));
}
