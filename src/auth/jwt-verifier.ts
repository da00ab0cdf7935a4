/**
 * Access tokens that are signed JWTs (RFC 9068), verified by jose with the issuer's keys.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
import { errors, jwtVerify, type JWTVerifyOptions, type JWTVerifyResult } from 'jose';
import type { Clock } from '../lib/clock.ts';
import { CLOCK_SKEW_SECONDS, grantedScopes, otherKindOfToken, verifiedCaller, type Resource } from './access-token.ts';
import { createIssuerKeys, KeysUnavailableError } from './issuer-keys.ts';
import type { Issuer } from './issuer.ts';
import { createKnownTokens } from './known-tokens.ts';
import { refused, unavailable, type TokenVerifier } from './token-verifier.ts';

/** Signatures that only the issuer can make. No HMAC: its key would be the public one. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** What {@link createJwtVerifier} is made from. */
export interface JwtVerifierOptions {
  issuer: Issuer;
  resource: Resource;
  clock: Pick<Clock, 'now'>;
}

/** Makes a verifier that has no keys yet. */
export function createJwtVerifier({ issuer, resource, clock }: JwtVerifierOptions): TokenVerifier {
  const getKey = createIssuerKeys(issuer, clock);
  const known = createKnownTokens(clock);
  const expected: JWTVerifyOptions = {
    algorithms: ALGORITHMS,
    issuer: issuer.issuer,
    audience: resource.audience,
    clockTolerance: CLOCK_SKEW_SECONDS,
  };

  return {
    async verify(token) {
      const claims = known.claimsOf(token);
      if (claims) return verifiedCaller({ token, issuer: issuer.issuer, claims, resource });
      try {
        const verified = await jwtVerify(token, getKey, { ...expected, currentDate: new Date(clock.now()) });
        const why = notAccessToken(verified, resource);
        if (why !== undefined) return refused(why);
        known.remember(token, verified.payload);
        return verifiedCaller({ token, issuer: issuer.issuer, claims: verified.payload, resource });
      } catch (error) {
        if (error instanceof KeysUnavailableError) return unavailable(error.message);
        if (error instanceof errors.JOSEError) return refused(`${error.code}${detailOf(error)}`);
        // So jose says that a key of the issuer is none that it may use, such as a short one.
        if (error instanceof TypeError) return unavailable('its key cannot be used');
        throw error;
      }
    },
  };
}

/** Which claim was wrong, and the setting that it is compared with; not its message, which may quote the token. */
function detailOf(error: errors.JOSEError): string {
  if (!(error instanceof errors.JWTClaimValidationFailed)) return '';
  const isAudience = error.claim === 'aud' && error.reason === 'check_failed';
  const remedy = isAudience ? '; tokens have to be for the URL of this server, or for MCP_OAUTH_AUDIENCE if set' : '';
  return `: ${error.claim} ${error.reason}${remedy}`;
}

/**
 * Why a JWT of the issuer is no access token; `undefined` when it is one.
 *
 * `typ: at+jwt` says so. Many issuers leave it at `JWT`, for ID tokens and access tokens alike; then an access
 * token is one that names scopes, which an ID token does not, and has nothing that only other tokens have.
 */
function notAccessToken(
  { protectedHeader: { typ }, payload }: JWTVerifyResult,
  resource: Resource,
): string | undefined {
  if (typ !== undefined && typeof typ !== 'string') return 'its typ is no text';
  const type = typ?.toLowerCase().replace(/^application\//, '');
  if (type === 'at+jwt') return undefined;
  if (type !== undefined && type !== 'jwt') return 'its typ is neither at+jwt nor JWT';
  const kind = otherKindOfToken(payload);
  if (kind !== undefined) return kind;
  if (grantedScopes(payload, resource).length === 0) {
    return 'its typ is not at+jwt, and it names no scope: it may be an ID token';
  }
  return undefined;
}
