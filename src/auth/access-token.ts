/**
 * Turns the claims of an access token into a caller, or says why that is not possible.
 *
 * At this point the claims are verified: signed by the issuer (`jwt-verifier.ts`) or returned by it
 * (`introspection.ts`), valid for this server and at this time.
 */
import { refused, type Principal, type Verification } from './caller.ts';

/** How far clocks may differ, in seconds. */
export const CLOCK_SKEW_SECONDS = 10;
/** One scope (RFC 6749 section 3.3). */
export const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** The claims in a token, or in an answer to introspection. */
export type Claims = Readonly<Record<string, unknown>>;

/** The server that a token must be issued for. */
export interface Resource {
  /** Its canonical URI. */
  url: URL;
  /** Its name in `aud`: the canonical URI, unless the issuer uses another name. */
  audience: string;
  /** Where its metadata is, for challenges. */
  metadataUrl: string;
}

/** What {@link verifiedCaller} needs to know. */
export interface VerifiedToken {
  token: string;
  /** The authorization server. */
  issuer: string;
  claims: Claims;
  resource: Resource;
}

/** Returns the caller that `claims` name. Refuses claims without a subject or a client, and tokens that need a proof of possession. */
export function verifiedCaller({ token, issuer, claims, resource }: VerifiedToken): Verification {
  const { sub, exp } = claims;
  const client = clientOf(claims);
  if (typeof exp !== 'number') return refused('it has no exp');
  if (!isName(sub)) return refused('it has no sub');
  if (client === undefined) return refused('it has no client_id, azp, cid or appid');
  // Bound to a key (RFC 9449, RFC 8705). Possession of the key is not checked here, so a thief could use the token.
  if (claims['cnf'] !== undefined)
    return refused('it is bound to a key (cnf), and this server accepts only bearer tokens');
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
        // A copy, like the scopes, so that a tool cannot change it for later calls.
        resource: new URL(resource.url),
        resourceMetadataUrl: resource.metadataUrl,
        extra: { issuer, subject: sub },
      },
    },
  };
}

/**
 * The scopes in `scope` (RFC 9068 section 2.2.3) and in `scp`, as Okta and Entra ID call it. Either may be a list.
 *
 * Entra ID shortens scopes: a client that asks for `https://mcp.example.com/mcp/read` gets a token with `read`. Both
 * names are returned, since challenges use the long one.
 */
export function grantedScopes({ scope, scp }: Claims, { url }: Pick<Resource, 'url'>): string[] {
  const shortened = typeof scp === 'string' ? scopesIn(scp).map((name) => `${url.href}/${name}`) : [];
  return [...new Set([...scopesIn(scope), ...scopesIn(scp), ...shortened])];
}

/** The scopes in a text, separated by spaces, or in a list; none if it is neither. */
export function scopesIn(list: unknown): string[] {
  const scopes: unknown[] = typeof list === 'string' ? list.split(' ') : Array.isArray(list) ? list : [];
  return scopes.filter((scope) => typeof scope === 'string' && scope !== '') as string[];
}

/** The client: `client_id`, or one of its names before RFC 9068. */
function clientOf({ client_id, azp, cid, appid }: Claims): string | undefined {
  return [client_id, azp, cid, appid].find(isName);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Claims that only ID tokens have (OpenID Connect Core section 2). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

/** Why these are not the claims of an access token; `undefined` if nothing in them says so. */
export function otherKindOfToken(claims: Readonly<Record<string, unknown>>): string | undefined {
  if (ID_TOKEN_CLAIMS.some((claim) => claim in claims)) return 'it is an ID token';
  // Cognito, Hydra and Keycloak name the kind of a token in a claim.
  if (![undefined, 'access', 'access_token'].includes(claims['token_use'] as string))
    return 'its token_use is not access';
  if (![undefined, 'Bearer'].includes(claims['typ'] as string)) return 'its typ claim is not Bearer';
  return undefined;
}
