/**
 * The authorization server, as far as this server asks it: where its keys are, and where tokens are introspected.
 *
 * It is asked when the first token comes, not at the start, and a while after it was away not at all: no
 * stranger's token makes this server hammer it. It never follows a redirect.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery
 */
import * as z from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';

/** How long an answer may take, in milliseconds; whoever calls the tools waits for it. */
const TIMEOUT_MS = 5_000;
/** Metadata, keys and introspection take some kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How long not to look for metadata again after it could not be had, in milliseconds. */
const COOLDOWN_MS = 5_000;
/** How long metadata is used before it is looked at again, in milliseconds. Endpoints rarely move. */
const MAX_AGE_MS = 60 * 60 * 1000;

/** What is asked for in metadata. */
export type Endpoint = 'jwks_uri' | 'introspection_endpoint';

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().optional(),
  introspection_endpoint: z.string().optional(),
});

/** What {@link createIssuer} is made from. */
export interface IssuerOptions {
  /** The issuer identifier; metadata and tokens must have just this. */
  issuer: string;
  fetch: typeof fetch;
  clock: Clock;
  log: Logger;
}

/** An authorization server. */
export interface Issuer {
  readonly issuer: string;
  /** Finds an endpoint in its metadata; `undefined` when that cannot be had, which is logged. */
  find(endpoint: Endpoint): Promise<URL | undefined>;
  /** Fetches within a limit of time, without following redirects. Rejects like `fetch`. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** Makes an issuer that was not asked yet. */
export function createIssuer({ issuer, fetch, clock, log }: IssuerOptions): Issuer {
  const found = new Map<Endpoint, { url: URL; at: number }>();
  const pending = new Map<Endpoint, Promise<URL | undefined>>();
  let failedAt = -Infinity;

  async function ask(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const timeout = new AbortController();
    const cancel = clock.after(TIMEOUT_MS, () => timeout.abort(new Error('no answer in time')));
    const signal = init.signal ? AbortSignal.any([init.signal, timeout.signal]) : timeout.signal;
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', signal });
      // Within the limit as well, and in memory then: nothing is left open when it is not read.
      const body = await bodyOf(response);
      return new Response(body === '' ? null : body, { status: response.status, headers: response.headers });
    } finally {
      cancel();
    }
  }

  async function discover(endpoint: Endpoint): Promise<URL | undefined> {
    const failures: string[] = [];
    // One limit for all places together: callers wait for it.
    const timeout = new AbortController();
    const cancel = clock.after(TIMEOUT_MS, () => timeout.abort(new Error('no answer in time')));
    for (const location of metadataLocations(issuer)) {
      const result = await ask(location, { signal: timeout.signal })
        .then((response) => readEndpoint(response, issuer, endpoint))
        .catch((error: unknown) => messageOf(error));
      if (result instanceof URL) {
        cancel();
        found.set(endpoint, { url: result, at: clock.now() });
        return result;
      }
      failures.push(`${location}: ${result}`);
      if (timeout.signal.aborted) break;
    }
    cancel();
    failedAt = clock.now();
    log.warn('the authorization server cannot be used', { endpoint, why: failures.join('; ') });
    // What was found before is better than nothing: it was true once, and its keys are checked anyway.
    return found.get(endpoint)?.url;
  }

  return {
    issuer,
    fetch: ask,
    async find(endpoint) {
      const known = found.get(endpoint);
      const now = clock.now();
      if (known && now - known.at < MAX_AGE_MS) return known.url;
      if (now - failedAt < COOLDOWN_MS) return known?.url;
      const asking = pending.get(endpoint) ?? discover(endpoint).finally(() => pending.delete(endpoint));
      pending.set(endpoint, asking);
      return asking;
    },
  };
}

/** The body as text, up to {@link MAX_ANSWER_BYTES}. */
async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  // Leaving the loop by an error cancels the rest.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Where metadata may be, in the order to look: RFC 8414 section 3.1, then OpenID Connect Discovery. */
function metadataLocations(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const locations = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ];
  if (path !== '') locations.push(`${origin}${path}/.well-known/openid-configuration`);
  return locations;
}

/** The endpoint in a metadata document, or what is wrong with the document. */
async function readEndpoint(response: Response, issuer: string, endpoint: Endpoint): Promise<URL | string> {
  if (response.status !== 200) return `status ${response.status}`;
  const metadata = metadataSchema.safeParse(await response.json().catch(() => undefined));
  if (!metadata.success) return 'no metadata';
  // RFC 8414 section 3.3: else another server could speak for this one.
  if (metadata.data.issuer !== issuer)
    return 'metadata of another issuer; MCP_OAUTH_ISSUER must be the same, word for word';
  const value = metadata.data[endpoint];
  if (value === undefined || !URL.canParse(value)) return `no ${endpoint}`;
  const url = new URL(value);
  // Without TLS only on this machine, as the issuer itself.
  const isSafe = url.protocol === 'https:' || url.origin === new URL(issuer).origin;
  return isSafe ? url : `${endpoint} is not https`;
}

/** What went wrong, in words. `fetch` says so in the cause. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
