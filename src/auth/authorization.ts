/**
 * Authorization as the settings have it: who is asked about tokens, and what clients are told of it.
 *
 * This server is an OAuth 2.1 resource server: it verifies tokens and never issues any.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization
 */
import {
  getOAuthProtectedResourceMetadataUrl,
  oauthMetadataResponse,
  type OAuthMetadata,
} from '@modelcontextprotocol/server';
import { ANONYMOUS } from './caller.ts';
import type { Clock } from '../lib/clock.ts';
import { clientUrls, isAuthorized, type Config } from '../config/config.ts';
import { notFoundResponse } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Resource } from './access-token.ts';
import { createBearerGate, type Authenticate } from './bearer.ts';
import { createIntrospectionVerifier } from './introspection.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { createJwtVerifier } from './jwt-verifier.ts';
import { createStaticTokenVerifier } from './static-tokens.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** Where metadata is looked for last; first behind this and the path of the endpoint (RFC 9728 section 3.1). */
const METADATA_ROOT = '/.well-known/oauth-protected-resource';

/** What {@link createAuthorization} is made from. */
export interface AuthorizationOptions {
  config: Config;
  /** Asks the authorization server. */
  fetch: typeof fetch;
  clock: Clock;
  log: Logger;
}

/** Authorization of one server. */
export interface Authorization {
  authenticate: Authenticate;
  /** Answers a request below `/.well-known/`: protected resource metadata (RFC 9728), or 404. */
  metadata(request: Request): Response;
}

/** Makes what the settings ask for. The authorization server is not asked before the first token comes. */
export function createAuthorization(options: AuthorizationOptions): Authorization {
  const { config, fetch, clock, log } = options;
  if (!isAuthorized(config)) return { authenticate: async () => ANONYMOUS, metadata: () => notFoundResponse() };
  const { oauthIssuer } = config;
  if (oauthIssuer === undefined) return authorizationAt(undefined, options);
  const issuer = createIssuer({ issuer: oauthIssuer, fetch, clock, log });
  // Each name is a resource of its own: its metadata and challenges name it, and tokens for another are refused.
  const byHost = new Map(clientUrls(config).map((url) => [url.host, authorizationAt({ url, issuer }, options)]));
  const [canonical] = byHost.values();
  if (!canonical) throw new Error('MCP_OAUTH_ISSUER needs MCP_PUBLIC_URL');
  const at = (request: Request) => byHost.get(new URL(request.url).host) ?? canonical;
  return {
    authenticate: (request) => at(request).authenticate(request),
    metadata: (request) => at(request).metadata(request),
  };
}

/** Authorization of the server at one URL, or by static tokens alone. */
function authorizationAt(
  oauth: { url: URL; issuer: Issuer } | undefined,
  { config, clock, log }: AuthorizationOptions,
): Authorization {
  const { authTokens, requiredScopes, introspectionClientId: clientId, introspectionClientSecret } = config;
  const verifiers: TokenVerifier[] = authTokens.length > 0 ? [createStaticTokenVerifier(authTokens)] : [];
  const resource = oauth && resourceAt(oauth.url, config);
  if (oauth && resource) {
    const verified = { issuer: oauth.issuer, resource, clock };
    verifiers.push(
      clientId !== undefined && introspectionClientSecret !== undefined
        ? createIntrospectionVerifier({ ...verified, clientId, clientSecret: introspectionClientSecret })
        : createJwtVerifier(verified),
    );
  }
  return {
    authenticate: createBearerGate({ verifiers, requiredScopes, resourceMetadataUrl: resource?.metadataUrl, log }),
    metadata: (request) => (resource && metadataResponse(request, resource, config)) ?? notFoundResponse(),
  };
}

/** What tokens have to be for at `url`. */
function resourceAt(url: URL, { oauthAudience }: Config): Resource {
  return { url, audience: oauthAudience ?? url.href, metadataUrl: getOAuthProtectedResourceMetadataUrl(url) };
}

function metadataResponse(request: Request, { url, metadataUrl }: Resource, config: Config): Response | undefined {
  const { method, headers } = request;
  const { pathname } = new URL(request.url);
  if (pathname !== METADATA_ROOT && pathname !== new URL(metadataUrl).pathname) return undefined;
  // Whichever of its addresses was asked: it is one document, and the SDK knows the one with the path.
  return oauthMetadataResponse(new Request(metadataUrl, { method, headers }), {
    // All that the document has of it is the issuer; clients get the rest from there.
    oauthMetadata: { issuer: config.oauthIssuer } as OAuthMetadata,
    resourceServerUrl: url,
    ...(config.requiredScopes.length > 0 && { scopesSupported: [...config.requiredScopes] }),
  });
}
