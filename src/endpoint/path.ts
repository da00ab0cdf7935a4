/** The path that a request is routed by. */
import { getPath } from 'hono/utils/url';

/**
 * Returns Hono's `getPath`, which ignores the slash in `/mcp/` and the path before `/mcp` in `publicUrl`: a proxy may strip
 * that prefix, or not.
 *
 * @param publicUrl - The URL that clients use, ending in `/mcp`.
 */
export function createGetPath(publicUrl: string | undefined): (request: Request) => string {
  const prefix = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/mcp$/, '');
  return (request) => {
    const path = getPath(request);
    const inside = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
    return inside === '/mcp/' ? '/mcp' : inside;
  };
}
