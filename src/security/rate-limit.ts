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
import type { LogFields, Logger } from '../telemetry/log.ts';
import type { ReportEnv } from '../telemetry/request-report.ts';
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
  /**
   * Counts on all nodes together. No request waits for it: what other nodes have counted tells with the next request, and
   * while it is unavailable, this one counts its own. @default this process counts its own
   */
  shared?: RateCounter | undefined;
  /** The time now, in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** Resolves to the caller, or to the response that refuses the request. */
export type Admit = (request: Request, options: AdmitOptions) => Promise<Caller | Response>;

/** What is known of the request. */
export interface AdmitOptions {
  /** Tells where it comes from. A function, because only rate limits need it, and they may be off. */
  addressOf: () => string;
  /** Its id, for the log. */
  requestId: string;
}

/** Wraps `authenticate` in rate limits. Beyond them, the answer is 429 with `Retry-After`. */
export function rateLimited(authenticate: Authenticate, options: RateLimitOptions): Admit {
  const { limit, log, now = Date.now } = options;
  const byPrincipal = createCounter('principal', limit, options);
  const byAddress = createCounter('address', limit, options);
  const refusedTokens = createCounter('refused', MAX_REFUSED_TOKENS, options);

  /** When refusals of a kind are logged again. In a flood, one line in a window is enough. */
  const quietUntil = new Map<string, number>();

  function refuse(what: string, { seconds }: Count, fields: LogFields): Response {
    if (now() >= (quietUntil.get(what) ?? 0)) {
      quietUntil.set(what, now() + WINDOW_SECONDS * 1000);
      log.warn(`${what}; behind a proxy, MCP_TRUST_PROXY tells whose address counts`, fields);
    }
    return tooManyRequestsResponse(seconds);
  }

  return async (request, { addressOf, requestId }) => {
    const address = addressOf();
    const guesses = refusedTokens.count(address, 0);
    const isOffline = guesses.over > 0;
    const caller = await authenticate(request, { isOffline, requestId });
    // Only the authorization server could verify the token. Other refusals keep their status: clients sign in, or ask for a scope.
    if (isOffline && caller instanceof Response && caller.status === 503) {
      return tooManyRequestsResponse(guesses.seconds);
    }
    if (caller instanceof Response && caller.status === 401 && request.headers.has('authorization')) {
      const count = refusedTokens.count(address, 1);
      if (count.over > 0) {
        return refuse('too many refused tokens from one address', count, { requestId, address });
      }
    }
    const key = caller instanceof Response ? '' : principalKey(caller);
    const count = key === '' ? byAddress.count(address, 1) : byPrincipal.count(key, 1);
    if (count.over === 0) return caller;
    const who = key === '' ? 'address' : 'principal';
    return refuse(`more requests from one ${who} than MCP_RATE_LIMIT allows`, count, { requestId, address });
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

  /** Adds to the count here, which the shared one corrects as soon as it is known. */
  function add(key: string, points: number): RateCount {
    const hasRoom = counts.hasRoomFor(key);
    const own = counts.add(hasRoom ? key : OVERFLOW_KEY, points);
    // With too many callers to count them apart, there would be too many keys elsewhere, too.
    if (shared && hasRoom) void addElsewhere(shared, key, points);
    return own;
  }

  async function addElsewhere(counter: RateCounter, key: string, points: number): Promise<void> {
    try {
      counts.set(key, await counter.add(name, key, points, WINDOW_SECONDS));
    } catch {
      // The count here stands in for it.
    }
  }

  const look = (key: string) => counts.get(key) ?? (counts.hasRoomFor(key) ? undefined : counts.get(OVERFLOW_KEY));

  return {
    /** Adds `points` to the count of `key`. */
    count(key: string, points: number): Count {
      const result = points === 0 ? look(key) : add(key, points);
      if (!result || result.msLeft <= 0) return { over: 0, seconds: 0 };
      return { over: Math.max(result.points - limit, 0), seconds: Math.ceil(result.msLeft / 1000) };
    },
  };
}

/** Sets `c.var.caller`, or answers 401, 403, 429 or 503 if the request is refused. */
export function authenticated(admit: Admit, addressOf: (c: Context) => string) {
  return createMiddleware<ReportEnv & { Variables: { caller: Caller } }>(async (c, next) => {
    const report = c.get('report');
    const caller = await admit(c.req.raw, { addressOf: () => addressOf(c), requestId: report.id });
    if (caller instanceof Response) {
      if (caller.status === 429) report.refusal = 'rate_limit';
      return caller;
    }
    report.principal = principalKey(caller);
    c.set('caller', caller);
    return next();
  });
}
