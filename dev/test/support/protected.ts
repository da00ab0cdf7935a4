/** A server whose callers sign in at the development IdP, both on loopback, with a time that a test can advance. */
import type { TestContext } from 'node:test';
import type { FetchLike } from '@modelcontextprotocol/client';
import { startIdp, type Idp, type IdpOptions } from '../../idp/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createMcpServer } from '../../../src/mcp-server.ts';
import { startListening, type ListeningApp } from '../../../test/support/listening.ts';

/** The scope of `slugify-batch`. */
export const BATCH_SCOPE = 'slugs:batch';

/** How long access tokens live, in seconds. */
export const TOKEN_SECONDS = 60;
/** After that they have expired, however clocks differ, and keys that are missing may be fetched; cached ones are good still. */
export const EXPIRED_SECONDS = 2 * TOKEN_SECONDS;

export interface ProtectedServer {
  idp: Idp;
  url: string;
  lines: readonly string[];
  /** Advances the time of this server and of the IdP. */
  passSeconds: (seconds: number) => void;
  /** Starts another server for the same resource, which has nothing cached. */
  startAnother: () => Promise<ListeningApp>;
  /** Fetches, and writes down method, path and status; not so the GET streams of sessions. */
  fetch: FetchLike;
  /** The requests since the last call of this function. */
  takeRequests: () => string[];
}

/** Starts both; they end with the test. */
export async function startProtected(
  t: TestContext,
  { settings = {}, ...idpOptions }: { settings?: Record<string, string> } & IdpOptions = {},
): Promise<ProtectedServer> {
  // The IdP, this server and its JOSE library all read it.
  const realNow = Date.now;
  let passedMs = 0;
  t.mock.method(Date, 'now', () => realNow() + passedMs);
  const clock = { ...systemClock, now: () => Date.now() };
  const idp = await startIdp(idpOptions);
  t.after(() => idp.close());
  idp.accessTokenSeconds = TOKEN_SECONDS;
  const start = (resource?: string) =>
    startListening(t, (url) => ({ MCP_OAUTH_ISSUER: idp.issuer, MCP_PUBLIC_URL: resource ?? url, ...settings }), {
      clock,
      createServer: createMcpServer,
    });
  const { url, lines } = await start();
  let requests: string[] = [];
  return {
    idp,
    url,
    lines,
    passSeconds: (seconds) => void (passedMs += seconds * 1000),
    startAnother: () => start(url),
    async fetch(input, init) {
      const response = await fetch(input, init);
      const { origin, pathname } = new URL(input);
      const where = origin === idp.issuer ? `idp ${pathname}` : pathname;
      // The client of a session opens its stream whenever it likes.
      const isStream = where === '/mcp' && init?.method === 'GET';
      if (!isStream) requests.push(`${init?.method ?? 'GET'} ${where} ${response.status}`);
      // Hono's adapter has replaced the global class, and the SDK uses `instanceof`.
      return new Response(response.body, response);
    },
    takeRequests() {
      const taken = requests;
      requests = [];
      return taken;
    },
  };
}
