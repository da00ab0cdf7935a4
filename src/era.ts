/**
 * Which era a POST is of: 2026-07-28, or the 2025 revisions and before.
 *
 * The SDK decides (`isLegacyRequest`). Its answer takes longer than most calls, and for most requests of the
 * 2025 revisions it is plain: a message that has no `_meta` makes no claim to be modern, and a header that
 * names a 2025 revision, or is not there, makes none for it. Those alone are not asked about.
 */
import { isLegacyRequest, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';

/** Whether a POST with this parsed body is of the 2025 revisions, or of those before. */
export async function isLegacyPost(request: Request, body: unknown): Promise<boolean> {
  return isPlainlyLegacy(request, body) || isLegacyRequest(request, body);
}

function isPlainlyLegacy(request: Request, body: unknown): boolean {
  // The list is of the revisions with `initialize` only, and a batch may have anything in it.
  const version = request.headers.get('mcp-protocol-version');
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return false;
  if (typeof body !== 'object' || body === null || !('method' in body)) return false;
  if (!('params' in body)) return true;
  return typeof body.params === 'object' && body.params !== null && !('_meta' in body.params);
}
