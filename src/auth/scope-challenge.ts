/** Calls that need more scopes than their token has ("Scope Challenge Handling"). */
import {
  bearerAuthChallengeResponse,
  isJSONRPCRequest,
  OAuthError,
  OAuthErrorCode,
  type AuthInfo,
  type ScopeChallengeHandler,
} from '@modelcontextprotocol/server';
import { messagesOf } from '../json.ts';

/**
 * The challenge to a parsed body with a call that `resolve` asks more scopes for: 403 `insufficient_scope`.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling
 */
export async function scopeChallengeResponse(
  body: unknown,
  authInfo: AuthInfo | undefined,
  resolve: ScopeChallengeHandler,
): Promise<Response | undefined> {
  for (const request of messagesOf(body)) {
    const challenge = isJSONRPCRequest(request) ? await resolve({ request, ...(authInfo && { authInfo }) }) : undefined;
    if (!challenge) continue;
    const { scopes, errorDescription = 'Insufficient scope' } = challenge;
    const resourceMetadataUrl = authInfo?.resourceMetadataUrl;
    return bearerAuthChallengeResponse(new OAuthError(OAuthErrorCode.InsufficientScope, errorDescription), {
      requiredScopes: [...scopes],
      ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    });
  }
  return undefined;
}
