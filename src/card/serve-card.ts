/**
 * Serves the server card at `/mcp/server-card`, before authentication: it is the same for every caller.
 *
 * `app.ts` mounts it behind the Host check. Pages of any origin may read the card of a server that others can reach. On this
 * machine, the Origin check stays: a site must not find out which servers its visitors run.
 */
import type { Implementation } from '@modelcontextprotocol/server';
import { every } from 'hono/combine';
import { cors } from 'hono/cors';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';
import type { MiddlewareHandler } from 'hono';
import { jsonText } from '../protocol/json.ts';
import { methodNotAllowedResponse, noCardResponse, unavailableResponse } from '../protocol/errors.ts';
import { serverCard } from './server-card.ts';

/** The path of the card, which SEP-2127 puts below that of the endpoint. */
export const CARD_PATH = '/mcp/server-card';

const TYPE = 'application/mcp-server-card+json';
/** How long clients may keep the card, in seconds, as SEP-2127 recommends. */
const MAX_AGE_SECONDS = 3600;
/** When to ask again for the card of a server that cannot be asked. */
const RETRY_SECONDS = 10;

/** Options for {@link createServerCardHandler}. */
export interface ServeCardOptions {
  /** Asks the server who it is; `undefined` if it cannot be asked. */
  describe: () => Promise<{ serverInfo: Implementation } | undefined>;
  /** The URL that clients use. @default that of the request, whose host was checked */
  publicUrl: string | undefined;
  /** How callers authenticate; `undefined` if they do not. Without an issuer, they need a token from the operator. */
  signIn: { issuer: string | undefined; hasStaticTokens: boolean } | undefined;
}

/** Makes a function that answers requests for the card: 404 if the server has no name for it, and 503 if it cannot be asked. */
export function createServerCardHandler({ describe, publicUrl, signIn }: ServeCardOptions) {
  const takesToken = signIn?.hasStaticTokens === true && signIn.issuer === undefined;
  return async ({ method, url }: Request): Promise<Response> => {
    if (method !== 'GET' && method !== 'HEAD') return methodNotAllowedResponse('GET, HEAD');
    const description = await describe();
    if (!description) return unavailableResponse('The server could not be asked who it is', RETRY_SECONDS);
    const card = serverCard(description.serverInfo, { url: new URL(publicUrl ?? new URL('/mcp', url)), takesToken });
    if (!card) return noCardResponse();
    const headers = { 'content-type': TYPE, 'cache-control': `public, max-age=${MAX_AGE_SECONDS}` };
    return new Response(jsonText(card), { headers });
  };
}

/**
 * Lets pages read an answer, and answers 304 to a client that has it already (RFC 9110 section 13.1.2).
 *
 * @param isPublic - Whether pages of any origin may read it. Otherwise the answer names the origin that asked, whose check comes
 *   before. A wildcard would stay in the cache of the browser, which would then give it to pages that the check refuses.
 */
export function publicDocument(isPublic: boolean): MiddlewareHandler {
  const kept = [...RETAINED_304_HEADERS, 'access-control-allow-origin', 'access-control-expose-headers'];
  return every(
    cors({
      origin: isPublic ? '*' : (origin) => origin,
      allowMethods: ['GET', 'HEAD'],
      allowHeaders: ['Content-Type', 'If-None-Match'],
      exposeHeaders: ['ETag'],
      maxAge: MAX_AGE_SECONDS,
    }),
    etag({ retainedHeaders: kept }),
  );
}
