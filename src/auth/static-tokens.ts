/**
 * Static bearer tokens: for a few callers, each of whom the operator gives a secret.
 *
 * Only the digest of a token is kept in memory. The scopes of a token are fixed until the process restarts: there is no
 * step-up, and no authorization server to discover.
 */
import { SCOPE, scopesIn } from './access-token.ts';
import type { TokenVerifier } from './bearer.ts';
import { refused } from './caller.ts';

/** Long enough that a random token cannot be guessed. `openssl rand -hex 32` makes 64 characters. */
export const MIN_TOKEN_CHARS = 32;
/** Takes the place of the issuer. Real issuers are URLs, so the principals never collide. */
const ISSUER = 'MCP_AUTH_TOKENS';
/** `name:token` or `name:token:scope scope`, where the token has the syntax of RFC 6750 section 2.1. */
const ENTRY = new RegExp(`^([\\w.-]+):([\\w.~+/-]{${MIN_TOKEN_CHARS},}=*)(?::(.*))?$`);

/** A token. */
export interface StaticToken {
  /** The name of its holder. */
  name: string;
  /** SHA-256 of the token, in hexadecimal digits. */
  digest: Promise<string>;
  /** The scopes of its holder. */
  scopes: readonly string[];
}

/** Parses tokens. Returns `undefined` if an entry is malformed, or if two have the same name or token. */
export function parseStaticTokens(entries: readonly string[]): StaticToken[] | undefined {
  const tokens: StaticToken[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const [, name, token, list] = ENTRY.exec(entry) ?? [];
    const scopes = scopesIn(list);
    if (name === undefined || token === undefined || !scopes.every((scope) => SCOPE.test(scope))) return undefined;
    if (seen.has(`name ${name}`) || seen.has(`token ${token}`)) return undefined;
    seen.add(`name ${name}`).add(`token ${token}`);
    tokens.push({ name, digest: digestOf(token), scopes });
  }
  return tokens;
}

/** Makes a verifier that accepts `tokens`. */
export function createStaticTokenVerifier(tokens: readonly StaticToken[]): TokenVerifier {
  return {
    async verify(token) {
      const presented = await digestOf(token);
      let found: StaticToken | undefined;
      // Compares with every token, each to its end, so that the time taken reveals nothing.
      for (const known of tokens) if (isEqual(await known.digest, presented)) found = known;
      if (!found) return refused('it is not one of MCP_AUTH_TOKENS');
      const { name, scopes } = found;
      return {
        status: 'valid',
        caller: {
          principal: { issuer: ISSUER, subject: name, client: name },
          authInfo: { token, clientId: name, scopes: [...scopes], extra: { issuer: ISSUER, subject: name } },
        },
      };
    },
  };
}

async function digestOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Compares two digests in constant time. */
function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index += 1) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
