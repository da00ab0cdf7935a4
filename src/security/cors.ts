/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * It stands behind the Origin check, so whoever gets here is allowed; a refused origin gets no CORS header
 * at all. Any header may be sent: clients of the modern era make up names (`Mcp-Param-*`), which no list
 * could hold. There are no cookies, hence no credentials mode.
 */
import { Hono } from 'hono';
import { cors } from 'hono/cors';

/** How long browsers may remember a preflight, in seconds; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages must be able to read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'];

/** What answers a request; `env` is what the runtime's adapter tells of its connection. */
export type Handler = (request: Request, env?: unknown) => Response | Promise<Response>;

/** Answers preflights, and marks the answers of `next`, errors included. Without an `Origin` it does nothing. */
export function browserAccess(next: Handler): Handler {
  const marked = new Hono();
  marked.use(
    cors({
      origin: (origin) => origin,
      allowMethods: ['GET', 'POST', 'DELETE'],
      exposeHeaders: EXPOSED,
      maxAge: MAX_AGE_SECONDS,
    }),
  );
  marked.all('*', (c) => next(c.req.raw, c.env));
  // Hono would answer it itself.
  marked.onError((error) => {
    throw error;
  });
  return (request, env) => (request.headers.has('origin') ? marked.fetch(request, env) : next(request, env));
}
