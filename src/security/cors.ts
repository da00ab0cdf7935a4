/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * It stands behind the Origin check, so whoever gets here is allowed; a refused origin gets no CORS header
 * at all. Any header may be sent: clients of the modern era make up names (`Mcp-Param-*`), which no list
 * could hold. There are no cookies, hence no credentials mode.
 */
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import type { FetchHandler } from '../lib/fetch-handler.ts';

/** How long browsers may remember a preflight, in seconds; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages must be able to read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'];

/** Answers preflights, and marks what `next` answers. Without an `Origin` it does nothing. */
export function browserAccess(next: FetchHandler): FetchHandler {
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
  // Left to the log: Hono's own handler would write to the console, and answer in plain text.
  marked.onError((error) => {
    throw error;
  });
  return (request, env) => (request.headers.has('origin') ? marked.fetch(request, env) : next(request, env));
}
