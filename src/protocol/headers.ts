/** Headers that a client or a proxy sends more than once. */
import { createMiddleware } from 'hono/factory';

/** Headers with one value, which clients repeat by mistake. */
const SINGLE = [
  'authorization',
  'content-type',
  'mcp-session-id',
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
] as const;

/** Returns `request` with one value for each of these headers whose values are all the same. Different values stay. */
export function withoutRepeatedHeaders(request: Request): Request {
  let headers: Headers | undefined;
  for (const name of SINGLE) {
    const value = request.headers.get(name);
    if (value === null || !value.includes(', ')) continue;
    const [first = '', ...rest] = value.split(', ');
    if (!rest.every((other) => other === first)) continue;
    headers ??= new Headers(request.headers);
    headers.set(name, first);
  }
  return headers ? new Request(request, { headers }) : request;
}

/** Applies {@link withoutRepeatedHeaders} to every request. */
export const singleHeaders = createMiddleware((c, next) => {
  c.req.raw = withoutRepeatedHeaders(c.req.raw);
  return next();
});
