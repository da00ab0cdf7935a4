/**
 * Verifies access tokens that are signed JWTs (RFC 9068), using jose and the issuer's keys.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
import {
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from 'jose';
import type { Clock } from '../lib/clock.ts';
import { CLOCK_SKEW_SECONDS, grantedScopes, otherKindOfToken, verifiedCaller, type Resource } from './access-token.ts';
import type { TokenVerifier } from './bearer.ts';
import { refused, unavailable } from './caller.ts';
import { createIssuerKeys, KeysUnavailableError } from './issuer-keys.ts';
import type { Issuer } from './issuer.ts';

/** Asymmetric algorithms only: with HMAC, anyone could sign with the public key. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

/** How long a verified token is remembered, in milliseconds. A key that the issuer withdraws stays valid for that much longer. */
const KNOWN_MS = 60 * 1000;
/** Maximum number of remembered tokens, a few kilobytes each. */
const MAX_KNOWN = 1000;

/** Options for {@link createJwtVerifier}. */
export interface JwtVerifierOptions {
  issuer: Issuer;
  resource: Resource;
  clock: Pick<Clock, 'now'>;
}

/** Makes a verifier. It fetches the issuer's keys when the first token arrives. */
export function createJwtVerifier({ issuer, resource, clock }: JwtVerifierOptions): TokenVerifier {
  const keys = createIssuerKeys(issuer, clock);
  const known = createKnownTokens(clock);
  const expected: JWTVerifyOptions = {
    algorithms: ALGORITHMS,
    issuer: issuer.issuer,
    audience: resource.audience,
    clockTolerance: CLOCK_SKEW_SECONDS,
  };

  return {
    async verify(token, { isOffline = false } = {}) {
      const claims = known.claimsOf(token);
      if (claims) return verifiedCaller({ token, issuer: issuer.issuer, claims, resource });
      try {
        const verified = await verifyWithEach(token, isOffline ? keys.findCached : keys.find, {
          ...expected,
          currentDate: new Date(clock.now()),
        });
        const why = notAccessToken(verified, resource);
        if (why !== undefined) return refused(why);
        known.remember(token, verified.payload);
        return verifiedCaller({ token, issuer: issuer.issuer, claims: verified.payload, resource });
      } catch (error) {
        if (error instanceof KeysUnavailableError) return unavailable(error.message);
        if (error instanceof errors.JOSEError) return refused(`${error.code}${detailOf(error)}`);
        // jose throws this for a key that it will not use, such as one that is too short.
        if (error instanceof TypeError) return unavailable('its key cannot be used');
        throw error;
      }
    },
  };
}

/** Verifies a token. If several keys fit, because it names none or two have the same id, it tries each. */
async function verifyWithEach(
  token: string,
  getKey: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, getKey, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options);
      } catch (failure) {
        // A TypeError is about this key, such as one that is too short, and not about the others.
        const isNext = failure instanceof errors.JWSSignatureVerificationFailed || failure instanceof TypeError;
        if (!isNext) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Names the claim that was wrong and the setting it is compared with. The error's message is not used: it may quote the token. */
function detailOf(error: errors.JOSEError): string {
  if (!(error instanceof errors.JWTClaimValidationFailed)) return '';
  const isAudience = error.claim === 'aud' && error.reason === 'check_failed';
  const remedy = isAudience
    ? '; tokens must be for the URL of this server, or for MCP_OAUTH_AUDIENCE if that is set'
    : '';
  return `: ${error.claim} ${error.reason}${remedy}`;
}

/**
 * Why a JWT from the issuer is not an access token; `undefined` if it is one.
 *
 * `typ: at+jwt` marks access tokens. Many issuers use `JWT` for ID tokens and access tokens alike. In that case, an
 * access token must be for the URL of this server or have scopes, neither of which ID tokens are or have, and must not
 * have a claim that only other tokens have.
 */
function notAccessToken(
  { protectedHeader: { typ }, payload }: JWTVerifyResult,
  resource: Resource,
): string | undefined {
  if (typ !== undefined && typeof typ !== 'string') return 'its typ is not a string';
  const type = typ?.toLowerCase().replace(/^application\//, '');
  if (type === 'at+jwt') return undefined;
  if (type !== undefined && type !== 'jwt') return 'its typ is neither at+jwt nor JWT';
  const kind = otherKindOfToken(payload);
  if (kind !== undefined) return kind;
  // An ID token is for a client, so it never names the URL of this server.
  const isForUrl = [payload.aud].flat().includes(resource.url.href);
  if (!isForUrl && grantedScopes(payload, resource).length === 0) {
    return 'its typ is not at+jwt, and it names no scope: it may be an ID token';
  }
  return undefined;
}

/**
 * Remembers verified tokens, since verifying a signature takes longer than most calls. A remembered token is still
 * refused as soon as it expires.
 */
function createKnownTokens(clock: Pick<Clock, 'now'>) {
  const known = new Map<string, { claims: JWTPayload; at: number }>();
  return {
    /** The claims of a token that was verified recently and has not expired. */
    claimsOf(token: string): JWTPayload | undefined {
      const entry = known.get(token);
      if (!entry) return undefined;
      const now = clock.now();
      const isExpired = (entry.claims.exp ?? 0) <= now / 1000 - CLOCK_SKEW_SECONDS;
      if (!isExpired && now - entry.at < KNOWN_MS) return entry.claims;
      known.delete(token);
      return undefined;
    },
    /** Remembers a token, and forgets the oldest if there are too many. */
    remember(token: string, claims: JWTPayload): void {
      const [oldest] = known.keys();
      if (known.size >= MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      known.set(token, { claims, at: clock.now() });
    },
  };
}
