/**
 * How much one caller may ask in a minute: by principal, or by address where there is none.
 *
 * It stands around the gate that asks who is calling, since both are needed: the address before, the principal
 * after. Tokens that are refused have a limit of their own, looked at before the next one is verified, which
 * may cost a question to the authorization server.
 */
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { principalKey, type Caller } from '../auth/caller.ts';
import { tooManyRequestsResponse } from '../protocol/errors.ts';
import type { Authenticate } from '../auth/bearer.ts';
import type { Logger } from '../telemetry/log.ts';

/** What limits are counted over, in seconds. */
const WINDOW_SECONDS = 60;
/** Refused tokens of one address within a window. Many users may share one address, and their tokens expire. */
const MAX_REFUSED_TOKENS = 100;
/** Callers counted one by one within a window; whoever comes later is counted together with the others. */
const MAX_KEYS = 50_000;
const OVERFLOW_KEY = 'others';

/** Options for {@link rateLimited}. */
export interface RateLimitOptions {
  /** Requests in a minute. */
  limit: number;
  log: Logger;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** Who is calling, or the answer to whoever may not, or does so too often. `address` is asked for when it matters. */
export type Admit = (request: Request, address: () => string) => Promise<Caller | Response>;

/** Puts limits around `authenticate`; beyond them the answer is 429 with `Retry-After`. */
export function rateLimited(authenticate: Authenticate, { limit, log, now = Date.now }: RateLimitOptions): Admit {
  const byPrincipal = createCounter(limit, now);
  const byAddress = createCounter(limit, now);
  const refusedTokens = createCounter(MAX_REFUSED_TOKENS, now);

  /** Says so in the log once for each window. */
  function refuse(what: string, { over, seconds }: Count, address: string): Response {
    if (over === 1) {
      log.warn(`${what}; MCP_RATE_LIMIT sets the limit, MCP_TRUST_PROXY which address counts`, { address });
    }
    return tooManyRequestsResponse(seconds);
  }

  return async (request, addressOf) => {
    const address = addressOf();
    const guesses = await refusedTokens.count(address, 0);
    if (guesses.over > 0) return tooManyRequestsResponse(guesses.seconds);
    const caller = await authenticate(request);
    if (caller instanceof Response && caller.status === 401 && request.headers.has('authorization')) {
      const count = await refusedTokens.count(address, 1);
      if (count.over > 0) return refuse('too many refused tokens from one address', count, address);
    }
    const key = caller instanceof Response ? '' : principalKey(caller);
    const count = await (key === '' ? byAddress.count(address, 1) : byPrincipal.count(key, 1));
    if (count.over === 0) return caller;
    return refuse(`too many requests from one ${key === '' ? 'address' : 'principal'}`, count, address);
  };
}

interface Count {
  /** By how much the limit is exceeded; 0 while it is not. */
  over: number;
  /** Seconds until counting begins anew. */
  seconds: number;
}

/** Counts for each key, in windows that begin with its first request, and for a bounded number of keys. */
function createCounter(limit: number, now: () => number) {
  const engine = new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS });
  let windowStart = now();
  let newKeys = 0;

  /** Keys last for a window, so of those counted in two windows in a row no more than twice the cap are there. */
  async function boundedKey(key: string): Promise<string> {
    if ((await engine.get(key)) !== null) return key;
    if (now() - windowStart >= WINDOW_SECONDS * 1000) {
      windowStart = now();
      newKeys = 0;
    }
    if (newKeys >= MAX_KEYS) return OVERFLOW_KEY;
    newKeys += 1;
    return key;
  }

  return {
    /** Adds `points` to what `key` has used. */
    async count(key: string, points: number): Promise<Count> {
      const result =
        points === 0
          ? ((await engine.get(key)) ?? (newKeys < MAX_KEYS ? null : await engine.get(OVERFLOW_KEY)))
          : await engine.penalty(await boundedKey(key), points);
      if (!result) return { over: 0, seconds: 0 };
      return { over: Math.max(result.consumedPoints - limit, 0), seconds: Math.ceil(result.msBeforeNext / 1000) };
    },
  };
}

/** Sets `c.var.caller`, or answers 401, 403, 429 or 503 to whoever may not call. */
export function authenticated(admit: Admit, addressOf: (c: Context) => string) {
  return createMiddleware<{ Variables: { caller: Caller } }>(async (c, next) => {
    const caller = await admit(c.req.raw, () => addressOf(c));
    if (caller instanceof Response) return caller;
    c.set('caller', caller);
    return next();
  });
}
