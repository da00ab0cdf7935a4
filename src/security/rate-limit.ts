/**
 * Limits the requests of one caller in a minute: by principal, or by address if callers are unauthenticated.
 *
 * It wraps authentication, because it needs the address before and the principal after. Refused tokens have a limit of
 * their own. Beyond that limit, the authorization server is no longer asked, and only a token that can be verified without
 * it is accepted: many users may share an address.
 */
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { principalKey, type Caller } from '../auth/caller.ts';
import type { RateCount, RateCounter } from '../contracts/rate-counter.ts';
import { tooManyRequestsResponse } from '../protocol/errors.ts';
import type { Authenticate } from '../auth/bearer.ts';
import type { Logger } from '../telemetry/log.ts';
import { createWindowCounts } from './window-counts.ts';

/** The window that limits apply to, in seconds. */
const WINDOW_SECONDS = 60;
/** Maximum number of refused tokens from one address in a window. Many users may share an address, and their tokens expire. */
const MAX_REFUSED_TOKENS = 100;
/** Maximum number of callers that are counted separately in a window. All others share one count. */
const MAX_KEYS = 50_000;
const OVERFLOW_KEY = 'others';

/** Options for {@link rateLimited}. */
export interface RateLimitOptions {
  /** Maximum number of requests in a minute. */
  limit: number;
  log: Logger;
  /** Counts on all nodes together; while it is unavailable, this one counts its own. @default this process counts its own */
  shared?: RateCounter | undefined;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/**
 * Resolves to the caller, or to the response that refuses the request. `addressOf` tells where the request comes from;
 * it is a function because only rate limits need it, and they may be off.
 */
export type Admit = (request: Request, addressOf: () => string) => Promise<Caller | Response>;

/** Wraps `authenticate` in rate limits. Beyond them, the answer is 429 with `Retry-After`. */
export function rateLimited(authenticate: Authenticate, options: RateLimitOptions): Admit {
  const { limit, log } = options;
  const byPrincipal = createCounter('principal', limit, options);
  const byAddress = createCounter('address', limit, options);
  const refusedTokens = createCounter('refused', MAX_REFUSED_TOKENS, options);

  /** Logs only the first refusal in a window. */
  function refuse(what: string, { over, seconds }: Count, address: string): Response {
    if (over === 1) {
      log.warn(`${what}; behind a proxy, MCP_TRUST_PROXY tells whose address counts`, { address });
    }
    return tooManyRequestsResponse(seconds);
  }

  return async (request, addressOf) => {
    const address = addressOf();
    const guesses = await refusedTokens.count(address, 0);
    const isOffline = guesses.over > 0;
    const caller = await authenticate(request, { isOffline });
    // Only the authorization server could verify the token. Other refusals keep their status: clients sign in, or ask for a scope.
    if (isOffline && caller instanceof Response && caller.status === 503) {
      return tooManyRequestsResponse(guesses.seconds);
    }
    if (caller instanceof Response && caller.status === 401 && request.headers.has('authorization')) {
      const count = await refusedTokens.count(address, 1);
      if (count.over > 0) return refuse('too many refused tokens from one address', count, address);
    }
    const key = caller instanceof Response ? '' : principalKey(caller);
    const count = await (key === '' ? byAddress.count(address, 1) : byPrincipal.count(key, 1));
    if (count.over === 0) return caller;
    const who = key === '' ? 'address' : 'principal';
    return refuse(`more requests from one ${who} than MCP_RATE_LIMIT allows`, count, address);
  };
}

interface Count {
  /** By how much the limit is exceeded; 0 if it is not. */
  over: number;
  /** Seconds until the window ends. */
  seconds: number;
}

/** Counts requests by key, in windows that begin with the first request of a key, for a bounded number of keys. */
function createCounter(name: string, limit: number, { now = Date.now, shared }: RateLimitOptions) {
  const counts = createWindowCounts({ windowMs: WINDOW_SECONDS * 1000, maxKeys: MAX_KEYS, now });

  /** Adds to the count here, which stands in for the shared one while that is unavailable, and whenever nothing is added. */
  async function add(key: string, points: number): Promise<RateCount> {
    const hasRoom = counts.hasRoomFor(key);
    const own = counts.add(hasRoom ? key : OVERFLOW_KEY, points);
    // With too many callers to count them apart, there would be too many keys elsewhere, too.
    if (!shared || !hasRoom) return own;
    try {
      const total = await shared.add(name, key, points, WINDOW_SECONDS);
      counts.set(key, total);
      return total;
    } catch {
      return own;
    }
  }

  const look = (key: string) => counts.get(key) ?? (counts.hasRoomFor(key) ? undefined : counts.get(OVERFLOW_KEY));

  return {
    /** Adds `points` to the count of `key`. */
    async count(key: string, points: number): Promise<Count> {
      const result = points === 0 ? look(key) : await add(key, points);
      if (!result || result.msLeft <= 0) return { over: 0, seconds: 0 };
      return { over: Math.max(result.points - limit, 0), seconds: Math.ceil(result.msLeft / 1000) };
    },
  };
}

/** Sets `c.var.caller`, or answers 401, 403, 429 or 503 if the request is refused. */
export function authenticated(admit: Admit, addressOf: (c: Context) => string) {
  return createMiddleware<{ Variables: { caller: Caller } }>(async (c, next) => {
    const caller = await admit(c.req.raw, () => addressOf(c));
    if (caller instanceof Response) return caller;
    c.set('caller', caller);
    return next();
  });
}
