/**
 * The bearer gate: every request to `/mcp` has a valid token in its `Authorization` header, or gets a challenge.
 *
 * Verifiers decide whether a token is valid; this file decides on the status. The SDK writes the challenges
 * (`bearerAuthChallengeResponse`), so that they look like those of single tools. Its own gate is not used, because it
 * accepts only tokens that expire, which static tokens do not, and has no injectable clock.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6750
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#access-token-usage
 */
import { bearerAuthChallengeResponse, OAuthError, OAuthErrorCode } from '@modelcontextprotocol/server';
import { unavailableResponse } from '../protocol/errors.ts';
import { singleValue } from '../protocol/headers.ts';
import type { Logger } from '../telemetry/log.ts';
import { refused, type Caller, type Verification } from './caller.ts';

/** The only form of the header (RFC 6750 section 2.1). The scheme is case-insensitive (RFC 9110 section 11.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/i;
/** When to retry while tokens cannot be verified, in seconds. */
const RETRY_AFTER_SECONDS = 5;

/** How to verify a token. */
export interface VerifyOptions {
  /** Verifies without contacting the authorization server. Tokens that cannot be verified that way are `unavailable`. @default false */
  isOffline?: boolean;
  /** The id of the request, for the log. @default unknown */
  requestId?: string | undefined;
}

/** Verifies tokens: static ones, signed ones, or by introspection. */
export interface TokenVerifier {
  /** Identifies the caller. Rejects only if there is a bug. */
  verify(token: string, options?: VerifyOptions): Promise<Verification>;
}

/** Resolves to the caller, or to the response that refuses the request. */
export type Authenticate = (request: Request, options?: VerifyOptions) => Promise<Caller | Response>;

/** Options for {@link createBearerGate}. */
export interface BearerGateOptions {
  /** Tried in this order until one of them does not refuse the token. */
  verifiers: readonly TokenVerifier[];
  /** Scopes that every request needs. */
  requiredScopes: readonly string[];
  /** Where clients learn about the authorization server; `undefined` if there is none. */
  resourceMetadataUrl: string | undefined;
  log: Logger;
}

/** Makes the gate. It answers 401 without a valid token, 403 without the scopes, and 503 if the token cannot be verified. */
export function createBearerGate({ verifiers, log, ...options }: BearerGateOptions): Authenticate {
  const { resourceMetadataUrl } = options;
  const requiredScopes = [...options.requiredScopes];
  const challenge = (code: OAuthErrorCode, message: string) =>
    bearerAuthChallengeResponse(new OAuthError(code, message), {
      requiredScopes,
      ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    });
  const unauthorized = (message: string) => challenge(OAuthErrorCode.InvalidToken, message);

  async function verify(token: string, how?: VerifyOptions): Promise<Verification> {
    let result = refused('no verifier is configured');
    for (const verifier of verifiers) {
      result = await verifier.verify(token, how);
      if (result.status !== 'refused') break;
    }
    return result;
  }

  return async (request, how) => {
    // A token in the URL is in the logs of every proxy on the way, so it is no longer a secret.
    const names = Array.from(new URL(request.url).searchParams.keys(), (name) => name.toLowerCase());
    if (names.includes('access_token')) {
      return unauthorized('Tokens in the URL are not accepted: send the token in the Authorization header');
    }
    const header = singleValue(request.headers.get('authorization'));
    if (header === null) return unauthorized('Missing Authorization header');
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) return unauthorized('The Authorization header must be: Bearer TOKEN');
    const result = await verify(token, how);
    if (result.status === 'unavailable') {
      if (!how?.isOffline)
        log.warn('a token could not be verified: the authorization server is unavailable', {
          requestId: how?.requestId,
          why: result.why,
        });
      return unavailableResponse(
        'The authorization server is unavailable: tokens cannot be verified',
        RETRY_AFTER_SECONDS,
      );
    }
    if (result.status === 'refused') {
      log.info('a token was refused', { requestId: how?.requestId, why: result.why });
      return unauthorized('The token is invalid or has expired');
    }
    const granted = result.caller.authInfo?.scopes ?? [];
    if (requiredScopes.every((scope) => granted.includes(scope))) return result.caller;
    return challenge(OAuthErrorCode.InsufficientScope, 'Insufficient scope');
  };
}
