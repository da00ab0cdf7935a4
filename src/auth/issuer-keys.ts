/**
 * The issuer's keys, by jose: kept for ten minutes, fetched anew for a key id that is not among them, at most
 * once in half a minute. While the issuer is away they serve until they are that old; a key that has to be
 * fetched then makes for "cannot tell", never for "not good".
 */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../lib/clock.ts';
import { messageOf, type Issuer } from './issuer.ts';

/** How long keys are used, and how long not to ask for new ones, in milliseconds. */
const MAX_AGE_MS = 10 * 60 * 1000;
const COOLDOWN_MS = 30 * 1000;
/** How long not to ask after they could not be had, in milliseconds; tokens of strangers would make for a flood. */
const FAILURE_COOLDOWN_MS = 5 * 1000;

/** Nobody can tell now whether a signature is good. Thrown, since it has to get through jose's verification. */
export class KeysUnavailableError extends Error {
  override name = 'KeysUnavailableError';
}

/**
 * Makes what finds the key of a token. The issuer is not asked before.
 *
 * What is returned rejects with {@link KeysUnavailableError} when the issuer is away, and with jose's errors
 * when it has no such key.
 */
export function createIssuerKeys(issuer: Issuer, clock: Pick<Clock, 'now'>): JWTVerifyGetKey {
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
    const options = { [customFetch]: fetchKeys, cacheMaxAge: MAX_AGE_MS, cooldownDuration: COOLDOWN_MS };
    keys = { url: url.href, get: createRemoteJWKSet(url, options) };
    return keys.get;
  }

  return async (header, jws) => {
    const url = await issuer.find('jwks_uri');
    if (!url) throw new KeysUnavailableError('its metadata cannot be had');
    try {
      return await keysAt(url)(header, jws);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new KeysUnavailableError(messageOf(error));
    }
  };
}
