/**
 * Whose an access token is: the caller that its claims name, or why they name none.
 *
 * The claims are true by now: signed by the issuer (`jwt-verifier.ts`), or said by it (`introspection.ts`),
 * for this server and this time.
 */
import type { Principal } from './caller.ts';
import { scopesIn } from './scopes.ts';
import { refused, type Verification } from './token-verifier.ts';

/** How far clocks may differ, in seconds. */
export const CLOCK_SKEW_SECONDS = 10;

/** The claims that an issuer made. */
export type Claims = Readonly<Record<string, unknown>>;

/** The server that a token has to be for. */
export interface Resource {
  /** Its canonical URI. */
  url: URL;
  /** What `aud` has for it; the canonical URI unless the issuer has another name for it. */
  audience: string;
  /** Where its metadata is, for challenges. */
  metadataUrl: string;
}

/** What {@link verifiedCaller} is made from. */
export interface VerifiedToken {
  token: string;
  /** The authorization server. */
  issuer: string;
  claims: Claims;
  resource: Resource;
}

/** The caller that `claims` name. Refuses those that lack a subject or a client, and tokens that ask for a proof. */
export function verifiedCaller({ token, issuer, claims, resource }: VerifiedToken): Verification {
  const { sub, exp } = claims;
  const client = clientOf(claims);
  if (typeof exp !== 'number') return refused('it has no exp');
  if (!isName(sub)) return refused('it has no sub');
  if (client === undefined) return refused('it has no client_id, azp, cid or appid');
  // Bound to a key (RFC 9449, RFC 8705) whose possession is not checked here: whoever stole it could use it.
  if (claims['cnf'] !== undefined)
    return refused('it is bound to a key (cnf), and this server checks bearer tokens only');
  const principal: Principal = { issuer, subject: sub, client };
  return {
    status: 'valid',
    caller: {
      principal,
      authInfo: {
        token,
        clientId: client,
        scopes: grantedScopes(claims, resource),
        expiresAt: exp,
        // Tools get an object of their own, here as above: what they do to it must not last.
        resource: new URL(resource.url),
        resourceMetadataUrl: resource.metadataUrl,
        extra: { issuer, subject: sub },
      },
    },
  };
}

/**
 * The scopes in `scope` (RFC 9068 section 2.2.3), or in `scp`, as Okta and Entra ID call it.
 *
 * Clients ask Entra ID for `https://mcp.example.com/mcp/read` and get a token that says `read`: it means the
 * scope of the API that the token is for. Both names are returned then, since challenges have the first.
 */
export function grantedScopes({ scope, scp }: Claims, { url }: Pick<Resource, 'url'>): string[] {
  if (scope !== undefined) return scopesIn(scope);
  if (Array.isArray(scp)) return scp.filter((name) => typeof name === 'string');
  return scopesIn(scp).flatMap((name) => [name, `${url.href}/${name}`]);
}

/** The client: `client_id`, or what issuers called it before RFC 9068. */
function clientOf({ client_id, azp, cid, appid }: Claims): string | undefined {
  return [client_id, azp, cid, appid].find(isName);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Claims that ID tokens have, and access tokens have not (OpenID Connect Core section 2). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/** Why claims are those of no access token, where they say what they are of; `undefined` when they do not. */
export function otherKindOfToken(claims: Readonly<Record<string, unknown>>): string | undefined {
  if (ID_TOKEN_CLAIMS.some((claim) => claim in claims)) return 'it is an ID token';
  // Cognito and Keycloak say in a claim what a token is for.
  if (![undefined, 'access'].includes(claims['token_use'] as string)) return 'its token_use is not access';
  if (![undefined, 'Bearer'].includes(claims['typ'] as string)) return 'its typ claim is not Bearer';
  return undefined;
}
