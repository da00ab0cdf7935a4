/**
 * Which era a POST is of: 2026-07-28, or the 2025 revisions and before.
 *
 * The SDK decides (`isLegacyRequest`). Its answer takes longer than many calls, and for most requests it is
 * plain beforehand; only the others are asked about. `test/endpoint/era.test.ts` compares the two.
 */
import { isLegacyRequest, PROTOCOL_VERSION_META_KEY, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { methodOf } from '../protocol/json.ts';

/** Whether a POST with this parsed body is of the 2025 revisions, or of those before. */
export function isLegacyPost(request: Request, body: unknown): boolean | Promise<boolean> {
  return plainlyLegacy(request, body) ?? isLegacyRequest(request, body);
}

/**
 * What needs no closer look: a message that claims a revision in its `_meta` is none of 2025, whether or not it
 * turns out to be valid; one without `_meta` and without a header that names another revision is.
 */
function plainlyLegacy(request: Request, body: unknown): boolean | undefined {
  const method = methodOf(body);
  if (method === undefined) return undefined;
  const { params } = body as { params?: unknown };
  if (params !== undefined && (typeof params !== 'object' || params === null)) return undefined;
  const meta = params && '_meta' in params ? params._meta : undefined;
  if (meta === undefined) {
    const version = request.headers.get('mcp-protocol-version');
    return version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version) ? true : undefined;
  }
  const isClaim = typeof meta === 'object' && meta !== null && PROTOCOL_VERSION_META_KEY in meta;
  // `initialize` is of 2025 unless what it claims is valid.
  return isClaim && !Array.isArray(meta) && method !== 'initialize' ? false : undefined;
}
