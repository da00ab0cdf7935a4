/** Which tool a server is built for, where it is built for one call. */
import type { McpRequestContext } from '@modelcontextprotocol/server';

/** A name that stands in `Mcp-Name` as it is; others are encoded there, and not worth decoding here. */
const PLAIN_NAME = /^[\w./-]+$/;

/**
 * The name of the only tool that a server for this request will be asked for; `undefined` when it may be any.
 *
 * A request of the 2026-07-28 revision has a server of its own, and names the tool in a header that the SDK has
 * compared with its body. To register that tool alone keeps the cost of a call the same with a thousand tools.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#standard-request-headers
 */
export function calledTool({ era, requestInfo }: Partial<McpRequestContext>): string | undefined {
  if (era !== 'modern' || requestInfo?.headers.get('mcp-method') !== 'tools/call') return undefined;
  const name = requestInfo.headers.get('mcp-name');
  return name !== null && PLAIN_NAME.test(name) ? name : undefined;
}
