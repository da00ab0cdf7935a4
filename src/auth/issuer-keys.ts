/**
 * The issuer's keys, fetched and cached by jose. They are kept for ten minutes, and fetched again for an unknown key id,
 * at most every half minute. If a key must be fetched while the issuer is unavailable, the token cannot be verified,
 * which is not the same as a refusal.
 *
 * jose's remote key set fetches whenever it sees fit, so offline verification uses a local set of the same keys.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import type { Clock } from '../lib/clock.ts';
import { messageOf, type Issuer } from './issuer.ts';

/** How long keys are cached, and the shortest interval between two fetches for unknown key ids, in milliseconds. */
const MAX_AGE_MS = 10 * 60 * 1000;
const COOLDOWN_MS = 30 * 1000;
/** How long to wait after a failed fetch, in milliseconds, so that bad tokens cannot cause a flood of requests. */
const FAILURE_COOLDOWN_MS = 5 * 1000;

/** The signature cannot be verified at the moment. Thrown, because it has to pass through jose. */
export class KeysUnavailableError extends Error {
  override name = 'KeysUnavailableError';
}

/**
 * Finds the key for a token. Both functions reject with a {@link KeysUnavailableError} if they cannot tell, and with jose's
 * errors if the issuer has no such key.
 */
export interface IssuerKeys {
  /** Fetches keys when necessary. */
  find: JWTVerifyGetKey;
  /** Knows only the keys that were fetched in the last ten minutes. Cannot tell about any other. */
  findCached: JWTVerifyGetKey;
}

/** Makes the keys of an issuer. Does not contact it yet. */
export function createIssuerKeys(issuer: Issuer, clock: Pick<Clock, 'now'>): IssuerKeys {
  let keys: { url: string; get: ReturnType<typeof createRemoteJWKSet> } | undefined;
  let cached: { get: ReturnType<typeof createLocalJWKSet>; at: number } | undefined;
  let failedAt = -Infinity;

  async function fetchKeys(url: string, init: RequestInit): Promise<Response> {
    if (clock.now() - failedAt < FAILURE_COOLDOWN_MS) throw new Error('its keys were unavailable a moment ago');
    failedAt = clock.now();
    const response = await issuer.fetch(url, init);
    if (response.status !== 200) return response;
    const keySet = (await response.json()) as JSONWebKeySet;
    // Throws unless it is a key set, which counts as a failure.
    cached = { get: createLocalJWKSet(keySet), at: clock.now() };
    failedAt = -Infinity;
    return Response.json(keySet);
  }

  function keysAt(url: URL): ReturnType<typeof createRemoteJWKSet> {
    if (keys?.url === url.href) return keys.get;
    const options = { [customFetch]: fetchKeys, cacheMaxAge: MAX_AGE_MS, cooldownDuration: COOLDOWN_MS };
    keys = { url: url.href, get: createRemoteJWKSet(url, options) };
    return keys.get;
  }

  return {
    async find(header, jws) {
      const url = await issuer.find('jwks_uri');
      if (!url) throw new KeysUnavailableError('the issuer has no usable metadata');
      try {
        return await keysAt(url)(header, jws);
      } catch (error) {
        if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
        throw new KeysUnavailableError(messageOf(error));
      }
    },
    async findCached(header, jws) {
      // jose keeps keys that are too old, in case it cannot fetch new ones. The issuer may have withdrawn them since.
      if (!cached || clock.now() - cached.at >= MAX_AGE_MS) throw new KeysUnavailableError('its keys are not cached');
      try {
        return await cached.get(header, jws);
      } catch (error) {
        if (error instanceof errors.JWKSMultipleMatchingKeys) throw error;
        throw new KeysUnavailableError(messageOf(error));
      }
    },
  };
}
