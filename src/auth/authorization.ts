/**
 * Puts authorization together: the verifiers, the gate, and the metadata that tells clients where to sign in.
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
import type { Clock } from '../lib/clock.ts';
import { notFoundResponse } from '../protocol/errors.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Resource } from './access-token.ts';
import { createBearerGate, type Authenticate, type TokenVerifier } from './bearer.ts';
import { ANONYMOUS } from './caller.ts';
import { createIssuer, type Issuer } from './issuer.ts';
import { createStaticTokenVerifier, type StaticToken } from './static-tokens.ts';

/** Clients look for metadata at this path followed by that of the endpoint, and then at this path (RFC 9728 section 3.1). */
const METADATA_ROOT = '/.well-known/oauth-protected-resource';

/** Options for {@link createAuthorization}. Without tokens and an issuer, callers are unauthenticated. */
export interface AuthorizationOptions {
  /** Tokens that the operator has given out. */
  authTokens: readonly StaticToken[];
  /** The issuer identifier of the authorization server (RFC 8414 section 2). */
  oauthIssuer: string | undefined;
  /** The origin at which this server reaches the issuer. Clients are never told. @default that of the issuer */
  oauthIssuerAddress: string | undefined;
  /** What tokens have in `aud` for this server. @default its URL */
  oauthAudience: string | undefined;
  /** Scopes that every request needs. */
  requiredScopes: readonly string[];
  /** With the secret: tokens are introspected as this client (RFC 7662). @default tokens are JWTs */
  introspectionClientId: string | undefined;
  /** The secret of that client. */
  introspectionClientSecret: string | undefined;
  /** The URLs that clients may use, the canonical one first. An issuer needs at least one. */
  clientUrls: readonly URL[];
  /** Sends requests to the authorization server. */
  fetch: typeof fetch;
  /** Tells the time, and limits how long the authorization server may take. */
  clock: Clock;
  /** Receives the reason for each refusal. */
  log: Logger;
}

/** The authorization of one server. */
export interface Authorization {
  authenticate: Authenticate;
  /** Answers a request below `/.well-known/`: protected resource metadata (RFC 9728), or 404. `path` is the path that the app routes by. */
  metadata(request: Request, path: string): Response;
  /** Answers clients that try to register here (RFC 7591) because they found no authorization server: 404, or 400 with the reason. */
  register(): Response;
}

/** Makes the authorization of a server. The authorization server is not contacted before the first token arrives. */
export function createAuthorization(options: AuthorizationOptions): Authorization {
  const { authTokens, oauthIssuer, oauthIssuerAddress, clientUrls } = options;
  if (oauthIssuer === undefined) {
    if (authTokens.length > 0) return authorizationAt(undefined, options);
    return {
      authenticate: async () => ANONYMOUS,
      metadata: () => notFoundResponse(),
      register: () => notFoundResponse(),
    };
  }
  const issuer = createIssuer({ ...options, issuer: oauthIssuer, address: oauthIssuerAddress });
  // Each URL is a resource of its own: metadata and challenges name it, and tokens for another are refused.
  const byHost = new Map(clientUrls.map((url) => [url.host, authorizationAt({ url, issuer }, options)]));
  const [canonical] = byHost.values();
  if (!canonical) throw new Error('With an issuer, clientUrls must name at least one URL');
  const at = (request: Request) => byHost.get(new URL(request.url).host) ?? canonical;
  return {
    authenticate: (request, how) => at(request).authenticate(request, how),
    metadata: (request, path) => at(request).metadata(request, path),
    register: () => notFoundResponse(),
  };
}

/** The authorization of the server at one URL, or by static tokens alone. */
function authorizationAt(
  oauth: { url: URL; issuer: Issuer } | undefined,
  options: AuthorizationOptions,
): Authorization {
  const { authTokens, requiredScopes, clock, log } = options;
  const { introspectionClientId: clientId, introspectionClientSecret: clientSecret } = options;
  const verifiers: TokenVerifier[] = authTokens.length > 0 ? [createStaticTokenVerifier(authTokens)] : [];
  const resource = oauth && resourceAt(oauth.url, options);
  if (oauth && resource) {
    const verified = { issuer: oauth.issuer, resource, clock };
    verifiers.push(
      clientId !== undefined && clientSecret !== undefined
        ? loaded(async () => {
            const { createIntrospectionVerifier } = await import('./introspection.ts');
            return createIntrospectionVerifier({ ...verified, clientId, clientSecret });
          })
        : loaded(async () => (await import('./jwt-verifier.ts')).createJwtVerifier(verified)),
    );
  }
  return {
    authenticate: createBearerGate({ verifiers, requiredScopes, resourceMetadataUrl: resource?.metadataUrl, log }),
    metadata: (request, path) => (resource && metadataResponse(request, path, resource, options)) ?? notFoundResponse(),
    register: staticTokenResponse,
  };
}

/** A verifier that only servers with an issuer load, along with jose. They begin at once, so that the first token need not wait. */
function loaded(load: () => Promise<TokenVerifier>): TokenVerifier {
  const loading = load();
  // Whoever has a token verified hears of the failure.
  loading.catch(() => {});
  return { verify: async (token, how) => (await loading).verify(token, how) };
}

/** An OAuth error, because clients show its description (RFC 7591 section 3.2.2). */
function staticTokenResponse(): Response {
  const description = 'This server has no sign-in. It takes a static token: send it as Authorization: Bearer TOKEN';
  return Response.json({ error: 'invalid_client_metadata', error_description: description }, { status: 400 });
}

/** The resource that tokens must be issued for at `url`. */
function resourceAt(url: URL, { oauthAudience }: AuthorizationOptions): Resource {
  return { url, audience: oauthAudience ?? url.href, metadataUrl: getOAuthProtectedResourceMetadataUrl(url) };
}

function metadataResponse(
  request: Request,
  path: string,
  { url, metadataUrl }: Resource,
  { oauthIssuer, requiredScopes }: AuthorizationOptions,
): Response | undefined {
  const { method, headers } = request;
  if (path !== METADATA_ROOT && path !== new URL(metadataUrl).pathname) return undefined;
  // Both paths have the same document, and the SDK answers at the longer one.
  return oauthMetadataResponse(new Request(metadataUrl, { method, headers }), {
    // The document names only the issuer. Clients ask the issuer for the rest.
    oauthMetadata: { issuer: oauthIssuer } as OAuthMetadata,
    resourceServerUrl: url,
    ...(requiredScopes.length > 0 && { scopesSupported: [...requiredScopes] }),
  });
}
