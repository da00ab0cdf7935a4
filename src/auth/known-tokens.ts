/**
 * Tokens that were good a moment ago, and are known again, letter by letter: verifying a signature takes
 * longer than most calls do. Their expiry holds at once all the same.
 */
import type { JWTPayload } from 'jose';
import type { Clock } from '../lib/clock.ts';
import { CLOCK_SKEW_SECONDS } from './access-token.ts';

/** How long a token is known, in milliseconds: by so much longer may a key serve that was withdrawn. */
const KNOWN_MS = 60 * 1000;
/** Tokens known at once, some kilobytes each. Beyond that, whoever was verified first is verified again. */
const MAX_KNOWN = 1000;

/** Verified tokens of the last minute. */
export interface KnownTokens {
  /** The claims of a token that was verified, and has not expired since. */
  claimsOf(token: string): JWTPayload | undefined;
  /** Keeps the claims of a token that was verified just now. */
  remember(token: string, claims: JWTPayload): void;
}

/** Makes an empty memory. */
export function createKnownTokens(clock: Pick<Clock, 'now'>): KnownTokens {
  const known = new Map<string, { claims: JWTPayload; at: number }>();
  return {
    claimsOf(token) {
      const entry = known.get(token);
      if (!entry) return undefined;
      const now = clock.now();
      const isExpired = (entry.claims.exp ?? 0) <= now / 1000 - CLOCK_SKEW_SECONDS;
      if (!isExpired && now - entry.at < KNOWN_MS) return entry.claims;
      known.delete(token);
      return undefined;
    },
    remember(token, claims) {
      const [oldest] = known.keys();
      if (known.size >= MAX_KNOWN && oldest !== undefined) known.delete(oldest);
      known.set(token, { claims, at: clock.now() });
    },
  };
}
