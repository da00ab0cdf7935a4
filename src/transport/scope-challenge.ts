/** Challenges calls that need more scopes than their token has. */
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
import { SCOPE } from '../auth/access-token.ts';

/**
 * Answers 403 `insufficient_scope` for the first of `requests` for which `resolve` demands more scopes.
 *
 * Usually `resolve` demands nothing and is synchronous; then this returns `undefined`, without a promise.
 *
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling
 */
export function scopeChallenge(
  requests: readonly JSONRPCRequest[],
  authInfo: AuthInfo | undefined,
  resolve: ScopeChallengeHandler,
): Promise<Response | undefined> | undefined {
  for (const [index, request] of requests.entries()) {
    const challenge = resolve({ request, ...(authInfo && { authInfo }) });
    if (challenge === undefined) continue;
    // One at a time, so that no rejected promise is left without a handler.
    return Promise.resolve(challenge).then((found) =>
      found === undefined
        ? scopeChallenge(requests.slice(index + 1), authInfo, resolve)
        : challengeResponse(found, authInfo),
    );
  }
  return undefined;
}

function challengeResponse({ scopes, errorDescription }: ScopeChallenge, authInfo: AuthInfo | undefined): Response {
  // An invalid challenge is a bug in the tool. It must not let the call through.
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every((scope) => SCOPE.test(scope)))
    throw new TypeError('A scope challenge must name at least one scope');
  const error = new OAuthError(OAuthErrorCode.InsufficientScope, errorDescription ?? 'Insufficient scope');
  const { resource } = authInfo ?? {};
  const resourceMetadataUrl =
    authInfo?.resourceMetadataUrl ??
    (resource?.protocol.startsWith('http') ? getOAuthProtectedResourceMetadataUrl(resource) : undefined);
  return bearerAuthChallengeResponse(error, {
    requiredScopes: [...scopes],
    ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
  });
}
