/**
 * Cross-origin access for browser clients (Fetch standard, "CORS protocol").
 *
 * It stands behind the Origin check, so whoever gets here is allowed; a refused origin gets no CORS header
 * at all. Any header may be sent: clients of the modern era make up names (`Mcp-Param-*`), which no list
 * could hold. There are no cookies, hence no credentials mode.
 */
import { cors } from 'hono/cors';
import type { Context } from 'hono';

/** How long browsers may remember a preflight, in seconds; Chromium takes no more. */
const MAX_AGE_SECONDS = 7200;
/** Response headers that pages must be able to read. */
const EXPOSED = ['Mcp-Session-Id', 'MCP-Protocol-Version', 'WWW-Authenticate', 'Retry-After'];

/** What answers a request. */
export type Handler = (c: Context) => Response | Promise<Response>;

/** Has preflights answered, and the answers of `handler` marked, errors included. Without an `Origin` it does nothing. */
export function browserAccess(handler: Handler): Handler {
  const handle = cors({
    origin: (origin) => origin,
    allowMethods: ['GET', 'POST', 'DELETE'],
    exposeHeaders: EXPOSED,
    maxAge: MAX_AGE_SECONDS,
  });
  async function marked(c: Context): Promise<Response> {
    const preflight = await handle(c, async () => {
      c.res = await handler(c);
    });
    return preflight ?? c.res;
  }
  return (c) => (c.req.header('origin') === undefined ? handler(c) : marked(c));
}
