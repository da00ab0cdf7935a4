/**
 * Verifies tokens by asking the issuer about each of them (RFC 7662): opaque tokens, and tokens whose revocation must
 * take effect immediately.
 *
 * Nothing is cached, so a revoked token is refused with the next request. The price is one request to the issuer for
 * every request from a client.
 */
import * as z from 'zod';
import type { Clock } from '../lib/clock.ts';
import { CLOCK_SKEW_SECONDS, otherKindOfToken, verifiedCaller, type Claims, type Resource } from './access-token.ts';
import type { TokenVerifier } from './bearer.ts';
import { refused, unavailable } from './caller.ts';
import { messageOf, type Issuer } from './issuer.ts';

/** Options for {@link createIntrospectionVerifier}. */
export interface IntrospectionOptions {
  issuer: Issuer;
  resource: Resource;
  clock: Pick<Clock, 'now'>;
  /** The credentials of this server at the issuer. */
  clientId: string;
  clientSecret: string;
}

/** `active`, and the claims of an active token (RFC 7662 section 2.2). */
const answerSchema = z.looseObject({ active: z.boolean() });

/** Makes a verifier that asks the issuer about every token. */
export function createIntrospectionVerifier(options: IntrospectionOptions): TokenVerifier {
  const { issuer, resource, clock, clientId, clientSecret } = options;
  // Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
  const authorization = `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`;

  async function introspect(url: URL, token: string): Promise<Claims | string> {
    const response = await issuer.fetch(url, {
      method: 'POST',
      headers: { authorization, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
    });
    if (response.status === 401 || response.status === 403) {
      return `status ${response.status}: MCP_INTROSPECTION_CLIENT_ID or its secret is wrong`;
    }
    if (response.status !== 200) return `status ${response.status}`;
    const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
    return answer.success ? answer.data : 'not an answer as in RFC 7662';
  }

  return {
    async verify(token, { isOffline = false } = {}) {
      if (isOffline) return unavailable('introspection asks the issuer');
      const url = await issuer.find('introspection_endpoint');
      if (!url) return unavailable('the issuer has no usable metadata, or no introspection_endpoint in it');
      const answer = await introspect(url, token).catch((error: unknown) => messageOf(error));
      if (typeof answer === 'string') return unavailable(`introspection: ${answer}`);
      const why = notForHereAndNow(answer, { issuer: issuer.issuer, resource, seconds: clock.now() / 1000 });
      return why === undefined
        ? verifiedCaller({ token, issuer: issuer.issuer, claims: answer, resource })
        : refused(why);
    },
  };
}

/** Why the issuer's answer does not make the token valid; `undefined` if it does. */
function notForHereAndNow(
  claims: Claims,
  { issuer, resource, seconds }: { issuer: string; resource: Resource; seconds: number },
): string | undefined {
  const { active, iss, aud, exp, nbf, token_type: type } = claims;
  if (active !== true) return 'it is not active';
  if (iss !== undefined && iss !== issuer) return 'its iss is not MCP_OAUTH_ISSUER';
  if (![aud].flat().includes(resource.audience)) return 'its aud is not this server';
  if (typeof exp !== 'number' || exp <= seconds - CLOCK_SKEW_SECONDS) return 'it has no exp, or has expired';
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= seconds + CLOCK_SKEW_SECONDS))
    return 'it is not valid yet';
  if (type !== undefined && !(typeof type === 'string' && /^bearer$/i.test(type)))
    return 'its token_type is not Bearer';
  return otherKindOfToken(claims);
}

function formEncoded(text: string): string {
  return new URLSearchParams({ text }).toString().slice('text='.length);
}
