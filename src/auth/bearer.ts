/**
 * The bearer gate: every request to `/mcp` brings a token in its `Authorization` header, or gets a challenge.
 *
 * Verifiers know whether a token is good; which status that makes is decided here. Answers are worded by the
 * SDK (`bearerAuthChallengeResponse`), so that these challenges and those of single tools are alike. Its own
 * gate is not used: it takes tokens with an expiry only, which static ones have not, and tells the time itself.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#access-token-usage
 */
import { bearerAuthChallengeResponse, OAuthError, OAuthErrorCode } from '@modelcontextprotocol/server';
import type { Caller } from './caller.ts';
import { unavailableResponse } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import { refused, type TokenVerifier, type Verification } from './token-verifier.ts';

/** The header's one form (RFC 6750 section 2.1); names of schemes have no case (RFC 9110 section 11.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
/** When to come back while nobody can verify tokens, in seconds. */
const RETRY_AFTER_SECONDS = 5;

/** Who is calling, or the answer to whoever may not. */
export type Authenticate = (request: Request) => Promise<Caller | Response>;

/** What {@link createBearerGate} is made from. */
export interface BearerGateOptions {
  /** Asked in this order until one takes the token for good. */
  verifiers: readonly TokenVerifier[];
  /** Scopes that every request needs. */
  requiredScopes: readonly string[];
  /** Where a client learns which authorization server to go to; `undefined` when there is none. */
  resourceMetadataUrl: string | undefined;
  log: Logger;
}

/** Makes the gate. It answers 401 without a good token, 403 without the scopes, 503 when nobody can tell. */
export function createBearerGate({ verifiers, log, ...options }: BearerGateOptions): Authenticate {
  const { resourceMetadataUrl } = options;
  const requiredScopes = [...options.requiredScopes];
  const challenge = (code: OAuthErrorCode, message: string) =>
    bearerAuthChallengeResponse(new OAuthError(code, message), {
      requiredScopes,
      ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    });
  const unauthorized = (message: string) => challenge(OAuthErrorCode.InvalidToken, message);

  async function verify(token: string): Promise<Verification> {
    let result = refused('nobody knows it');
    for (const verifier of verifiers) {
      result = await verifier.verify(token);
      if (result.status !== 'refused') break;
    }
    return result;
  }

  return async (request) => {
    // It is in the logs of whatever the URL went through: no longer a secret, whatever the header says.
    const names = Array.from(new URL(request.url).searchParams.keys(), (name) => name.toLowerCase());
    if (names.includes('access_token')) {
      return unauthorized('Tokens in the URL are not accepted: send it in the Authorization header');
    }
    const header = request.headers.get('authorization');
    if (header === null) return unauthorized('Missing Authorization header');
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) return unauthorized('The Authorization header must be: Bearer TOKEN');
    const result = await verify(token);
    if (result.status === 'unavailable') {
      log.warn('a token could not be verified: the authorization server is away', { why: result.why });
      return unavailableResponse('The authorization server is away: tokens cannot be verified', RETRY_AFTER_SECONDS);
    }
    if (result.status === 'refused') {
      log.info('a token was refused', { why: result.why });
      return unauthorized('The token is invalid or has expired');
    }
    const granted = result.caller.authInfo?.scopes ?? [];
    if (requiredScopes.every((scope) => granted.includes(scope))) return result.caller;
    return challenge(OAuthErrorCode.InsufficientScope, 'Insufficient scope');
  };
}
