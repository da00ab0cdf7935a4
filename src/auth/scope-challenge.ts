/** Calls that need more scopes than their token has. */
import {
  bearerAuthChallengeResponse,
  getOAuthProtectedResourceMetadataUrl,
  OAuthError,
  OAuthErrorCode,
  type AuthInfo,
  type JSONRPCRequest,
  type ScopeChallenge,
  type ScopeChallengeHandler,
} from '@modelcontextprotocol/server';

/**
 * The challenge to the first of `requests` that `resolve` asks more scopes for: 403 `insufficient_scope`.
 *
 * `undefined` at once where it asks for none and needs no time to tell, as is usual.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling
 */
export function scopeChallenge(
  requests: JSONRPCRequest[],
  authInfo: AuthInfo | undefined,
  resolve: ScopeChallengeHandler,
): Promise<Response | undefined> | undefined {
  for (const [index, request] of requests.entries()) {
    const challenge = resolve({ request, ...(authInfo && { authInfo }) });
    if (challenge === undefined) continue;
    // One at a time: a resolver that fails is then the failure of this, and of nothing that nobody waits for.
    return Promise.resolve(challenge).then((found) =>
      found ? challengeResponse(found, authInfo) : scopeChallenge(requests.slice(index + 1), authInfo, resolve),
    );
  }
  return undefined;
}

function challengeResponse({ scopes, errorDescription }: ScopeChallenge, authInfo: AuthInfo | undefined): Response {
  const error = new OAuthError(OAuthErrorCode.InsufficientScope, errorDescription ?? 'Insufficient scope');
  const { resource } = authInfo ?? {};
  const resourceMetadataUrl =
    authInfo?.resourceMetadataUrl ?? (resource && getOAuthProtectedResourceMetadataUrl(resource));
  return bearerAuthChallengeResponse(error, {
    requiredScopes: [...scopes],
    ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
  });
}
