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
import { SCOPE } from '../auth/scopes.ts';

/**
 * The challenge to the first of `requests` that `resolve` asks more scopes for: 403 `insufficient_scope`.
 *
 * `undefined` at once where it asks for none and needs no time to tell, as is usual.
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
    // One at a time: a resolver that fails is then the failure of this, and of nothing that nobody waits for.
    return Promise.resolve(challenge).then((found) =>
      found === undefined
        ? scopeChallenge(requests.slice(index + 1), authInfo, resolve)
        : challengeResponse(found, authInfo),
    );
  }
  return undefined;
}

function challengeResponse({ scopes, errorDescription }: ScopeChallenge, authInfo: AuthInfo | undefined): Response {
  // What is no challenge is a mistake of the tool, not leave to call it.
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every((scope) => SCOPE.test(scope)))
    throw new TypeError('A scope challenge names one scope at least');
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
