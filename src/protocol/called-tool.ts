/** Which tool a request calls, so that its server need not have the others. */
import { methodOf } from './json.ts';

/** A name that stands in `Mcp-Name` as it is; others are encoded there, and not worth decoding here. */
const PLAIN_NAME = /^[\w./-]+$/;

/** The tool that a parsed body calls; `undefined` for any other message, and for a batch. */
export function calledTool(body: unknown): string | undefined {
  if (methodOf(body) !== 'tools/call') return undefined;
  const { params } = body as { params?: { name?: unknown } | null };
  return typeof params?.name === 'string' ? params.name : undefined;
}

/**
 * The tool that a request of 2026-07-28 names in its headers, which the SDK compares with the body.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#standard-request-headers
 */
export function toolInHeaders({ headers }: Request): string | undefined {
  if (headers.get('mcp-method') !== 'tools/call') return undefined;
  const name = headers.get('mcp-name');
  return name !== null && PLAIN_NAME.test(name) ? name : undefined;
}
