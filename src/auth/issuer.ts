/**
 * The authorization server as this server sees it: finds where its keys are and where it introspects tokens.
 *
 * It is contacted when the first token arrives, not at startup. After a failure it is left alone for a while, so that
 * nobody can make this server flood it with bad tokens. Redirects are never followed.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery
 */
import * as z from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../telemetry/log.ts';

/** How long an answer may take, in milliseconds. The caller of a tool is waiting for it. */
const TIMEOUT_MS = 5_000;
/** Maximum size of an answer. Metadata, keys and introspection take a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How long to wait after metadata was unavailable before asking again, in milliseconds. */
const COOLDOWN_MS = 5_000;
/** How long metadata is cached, in milliseconds. Endpoints rarely change. */
const MAX_AGE_MS = 60 * 60 * 1000;

/** An endpoint that metadata names. */
export type Endpoint = 'jwks_uri' | 'introspection_endpoint';

const metadataSchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string().optional(),
  introspection_endpoint: z.string().optional(),
});

/** Options for {@link createIssuer}. */
export interface IssuerOptions {
  /** The issuer identifier. Metadata and tokens must have exactly this value. */
  issuer: string;
  /** The origin at which this server reaches the issuer, such as a name inside a network of containers. @default the origin of `issuer` */
  address?: string | undefined;
  fetch: typeof fetch;
  clock: Clock;
  log: Logger;
}

/** An authorization server. */
export interface Issuer {
  readonly issuer: string;
  /** Finds an endpoint in the metadata. Resolves to `undefined` if that fails, and logs why. */
  find(endpoint: Endpoint): Promise<URL | undefined>;
  /** Fetches within a time limit, and does not follow redirects. Rejects like `fetch`. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** Makes an issuer. Does not contact it yet. */
export function createIssuer({ issuer, fetch, clock, log, ...options }: IssuerOptions): Issuer {
  const { origin } = new URL(options.address ?? issuer);
  const found = new Map<Endpoint, { url: URL; at: number }>();
  const pending = new Map<Endpoint, Promise<URL | undefined>>();
  let failedAt = -Infinity;

  async function ask(url: string | URL, init: RequestInit = {}, timeoutMs = TIMEOUT_MS): Promise<Response> {
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort(new Error('no answer in time')));
    const signal = init.signal ? AbortSignal.any([init.signal, timeout.signal]) : timeout.signal;
    try {
      const response = await fetch(url, { ...init, redirect: 'manual', signal });
      // The body is read within the time limit, too. Then nothing stays open if the caller does not read it.
      const body = await bodyOf(response);
      return new Response(body === '' ? null : body, { status: response.status, headers: response.headers });
    } finally {
      cancel();
    }
  }

  async function discover(endpoint: Endpoint): Promise<URL | undefined> {
    const failures: string[] = [];
    const locations = metadataLocations(issuer, origin);
    for (const location of locations) {
      // All of them share the time limit, since a caller is waiting. One that hangs must not use up the others' share.
      const result = await ask(location, {}, TIMEOUT_MS / locations.length)
        .then((response) => readEndpoint(response, { issuer, origin, endpoint }))
        .catch((error: unknown) => messageOf(error));
      if (result instanceof URL) {
        found.set(endpoint, { url: result, at: clock.now() });
        return result;
      }
      failures.push(`${location}: ${result}`);
    }
    failedAt = clock.now();
    log.warn('the authorization server has no usable metadata', { endpoint, why: failures.join('; ') });
    // Use the endpoint that was found before: it was right once, and signatures are verified anyway.
    return found.get(endpoint)?.url;
  }

  return {
    issuer,
    fetch: (url, init) => ask(url, init),
    async find(endpoint) {
      const known = found.get(endpoint);
      const now = clock.now();
      if (known && now - known.at < MAX_AGE_MS) return known.url;
      if (now - failedAt < COOLDOWN_MS) return known?.url;
      // What another request waits for may end with that request.
      const shared = clock.endsWithRequest ? undefined : pending.get(endpoint);
      const asking = shared ?? discover(endpoint).finally(() => pending.delete(endpoint));
      pending.set(endpoint, asking);
      return asking;
    },
  };
}

/** Reads the body as text, up to {@link MAX_ANSWER_BYTES}. */
async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  // Throwing out of the loop cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Where metadata may be, in the order to try: RFC 8414 section 3.1, then OpenID Connect Discovery. */
function metadataLocations(issuer: string, origin: string): string[] {
  const { pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const locations = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ];
  if (path !== '') locations.push(`${origin}${path}/.well-known/openid-configuration`);
  return locations;
}

/** Returns where to reach the endpoint that a metadata document names, or what is wrong with the document. */
async function readEndpoint(
  response: Response,
  { issuer, origin, endpoint }: { issuer: string; origin: string; endpoint: Endpoint },
): Promise<URL | string> {
  if (response.status !== 200) return `status ${response.status}`;
  const metadata = metadataSchema.safeParse(await response.json().catch(() => undefined));
  if (!metadata.success) return 'not a metadata document';
  // RFC 8414 section 3.3: otherwise another server could speak for this one.
  if (metadata.data.issuer !== issuer)
    return `metadata of the issuer ${metadata.data.issuer}; MCP_OAUTH_ISSUER must be exactly the same`;
  const value = metadata.data[endpoint];
  if (value === undefined || !URL.canParse(value)) return `no ${endpoint}`;
  const named = new URL(value);
  const isIssuers = named.origin === new URL(issuer).origin;
  const url = isIssuers ? new URL(`${origin}${named.pathname}${named.search}`) : named;
  // Without TLS only where the settings allow it for the issuer itself.
  const isSafe = url.protocol === 'https:' || url.origin === origin;
  return isSafe ? url : `${endpoint} is not https`;
}

/** The message of an error. That of `fetch` has the details in its cause, and if it tried several addresses, one error for each. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof AggregateError) return `${error.message}: ${error.cause.errors.map(messageOf).join(', ')}`;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
