/**
 * Access tokens that are signed JWTs (RFC 9068), verified against the issuer's keys.
 *
 * Keys come from the issuer's JWKS: kept for ten minutes, fetched anew for a key id that is not among them,
 * at most once in half a minute. While the issuer is away, keys serve until they are that old; a key that has
 * to be fetched then makes for "cannot tell", never for "not good".
 *
 * @see https://www.rfc-editor.org/rfc/rfc9068#section-4
 */
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTVerifyGetKey, type JWTVerifyResult } from 'jose';
import type { Clock } from '../clock.ts';
import { CLOCK_SKEW_SECONDS, grantedScopes, verifiedCaller, type Resource } from './access-token.ts';
import { messageOf, type Issuer } from './issuer.ts';
import { refused, unavailable, type TokenVerifier } from './token-verifier.ts';

/** Signatures that only the issuer can make. No HMAC: its key would be the public one. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
/** How long keys are used, and how long not to ask for new ones, in milliseconds. */
const KEYS_MAX_AGE_MS = 10 * 60 * 1000;
const KEYS_COOLDOWN_MS = 30 * 1000;
/** How long not to ask after they could not be had, in milliseconds; tokens of strangers would make for a flood. */
const FAILURE_COOLDOWN_MS = 5 * 1000;
/** Claims that ID tokens have, and access tokens have not (OpenID Connect Core section 2). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/** What {@link createJwtVerifier} is made from. */
export interface JwtVerifierOptions {
  issuer: Issuer;
  resource: Resource;
  clock: Pick<Clock, 'now'>;
}

/** Makes a verifier that has no keys yet. */
export function createJwtVerifier({ issuer, resource, clock }: JwtVerifierOptions): TokenVerifier {
  let keys: { url: string; get: JWTVerifyGetKey } | undefined;
  let failedAt = -Infinity;

  async function fetchKeys(url: string, init: RequestInit): Promise<Response> {
    if (clock.now() - failedAt < FAILURE_COOLDOWN_MS) throw new Error('its keys could not be had a moment ago');
    failedAt = clock.now();
    const response = await issuer.fetch(url, init);
    if (response.status !== 200) return response;
    const keySet: unknown = await response.json();
    failedAt = -Infinity;
    return Response.json(keySet);
  }

  function keysAt(url: URL): JWTVerifyGetKey {
    if (keys?.url === url.href) return keys.get;
    const get = createRemoteJWKSet(url, {
      [customFetch]: fetchKeys,
      cacheMaxAge: KEYS_MAX_AGE_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
    });
    keys = { url: url.href, get };
    return get;
  }

  const getKey: JWTVerifyGetKey = async (header, jws) => {
    const url = await issuer.find('jwks_uri');
    if (!url) throw new KeysUnavailable('its metadata cannot be had');
    try {
      return await keysAt(url)(header, jws);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new KeysUnavailable(messageOf(error));
    }
  };

  return {
    async verify(token) {
      try {
        const verified = await jwtVerify(token, getKey, {
          algorithms: ALGORITHMS,
          issuer: issuer.issuer,
          audience: resource.audience,
          requiredClaims: ['exp'],
          clockTolerance: CLOCK_SKEW_SECONDS,
          currentDate: new Date(clock.now()),
        });
        const why = notAccessToken(verified, resource);
        if (why !== undefined) return refused(why);
        return verifiedCaller({ token, issuer: issuer.issuer, claims: verified.payload, resource });
      } catch (error) {
        if (error instanceof KeysUnavailable) return unavailable(error.message);
        // Its message names the rule and the claim; the values stay in the token.
        if (error instanceof errors.JOSEError) return refused(`${error.code}: ${error.message}`);
        throw error;
      }
    },
  };
}

/** Told apart from what is wrong with a token, by its class: it passes through the verification. */
class KeysUnavailable extends Error {}

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
  const type = typ?.toLowerCase().replace(/^application\//, '');
  if (type === 'at+jwt') return undefined;
  if (type !== undefined && type !== 'jwt') return 'its typ is neither at+jwt nor JWT';
  if (ID_TOKEN_CLAIMS.some((claim) => claim in payload)) return 'it is an ID token';
  // Cognito and Keycloak say in a claim what a token is for.
  if (![undefined, 'access'].includes(payload['token_use'] as string)) return 'its token_use is not access';
  if (![undefined, 'Bearer'].includes(payload['typ'] as string)) return 'its typ claim is not Bearer';
  if (grantedScopes(payload, resource).length === 0)
    return 'its typ is not at+jwt, and it names no scope: it may be an ID token';
  return undefined;
}
