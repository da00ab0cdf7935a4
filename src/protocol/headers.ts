/**
 * The headers that the protocol adds to HTTP, read once for each request.
 *
 * Some clients and proxies send a header twice. If the values are the same, they count as one; different ones are left as
 * they are, joined by a comma, and refused by whoever needs a single value.
 */

/** The headers of a request to `/mcp`; `null` where there is none. */
export interface McpHeaders {
  /** `Mcp-Session-Id` (2025-11-25, transports). */
  readonly sessionId: string | null;
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | null;
  /** `Mcp-Method` (2026-07-28, transports). */
  readonly method: string | null;
  /** `Mcp-Name` (2026-07-28, transports). */
  readonly name: string | null;
}

/** Reads them. */
export function readMcpHeaders({ headers }: Request): McpHeaders {
  return {
    sessionId: singleValue(headers.get('mcp-session-id')),
    protocolVersion: singleValue(headers.get('mcp-protocol-version')),
    method: singleValue(headers.get('mcp-method')),
    name: singleValue(headers.get('mcp-name')),
  };
}

/** The value of a header that has one, even if it is sent several times. */
export function singleValue(value: string | null): string | null {
  if (value === null || !value.includes(', ')) return value;
  const [first = '', ...rest] = value.split(', ');
  return rest.every((other) => other === first) ? first : value;
}

/** Headers with one value that the SDK's handler reads. */
const READ_BY_SDK = ['content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name'];

/** Returns `request` with each of these headers as {@link singleValue}: itself, or one without the body, which has been read. */
export function withSingleHeaders(request: Request): Request {
  const repeated = READ_BY_SDK.filter((name) => {
    const value = request.headers.get(name);
    return singleValue(value) !== value;
  });
  if (repeated.length === 0) return request;
  const headers = new Headers(request.headers);
  for (const name of repeated) headers.set(name, singleValue(headers.get(name)) ?? '');
  const { url, method, signal } = request;
  return new Request(url, { method, headers, signal });
}
