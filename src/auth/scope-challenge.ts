/** Calls that need more scopes than their token has. */
import {
  bearerAuthChallengeResponse,
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
  const asked = requests.map((request) => resolve({ request, ...(authInfo && { authInfo }) }));
  return asked.every((challenge) => challenge === undefined) ? undefined : firstChallenge(asked, authInfo);
}

async function firstChallenge(
  asked: ReturnType<ScopeChallengeHandler>[],
  authInfo: AuthInfo | undefined,
): Promise<Response | undefined> {
  for (const answer of asked) {
    const challenge = await answer;
    if (challenge) return challengeResponse(challenge, authInfo);
  }
  return undefined;
}

function challengeResponse({ scopes, errorDescription }: ScopeChallenge, authInfo: AuthInfo | undefined): Response {
  const error = new OAuthError(OAuthErrorCode.InsufficientScope, errorDescription ?? 'Insufficient scope');
  const resourceMetadataUrl = authInfo?.resourceMetadataUrl;
  return bearerAuthChallengeResponse(error, {
    requiredScopes: [...scopes],
    ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
  });
}
