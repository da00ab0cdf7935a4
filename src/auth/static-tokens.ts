/**
 * Static bearer tokens: the simple case of a few callers that an operator gives a secret each.
 *
 * What is kept of a token is its digest. There is no step-up with them and nothing to discover: the scopes
 * of each are those it was given, and they hold until the process starts with others.
 */
import { SCOPE, scopesIn } from './scopes.ts';
import { refused, type TokenVerifier } from './token-verifier.ts';

/** Enough that guessing is hopeless when they are random; `openssl rand -hex 32` makes 64. */
export const MIN_TOKEN_CHARS = 32;
/** Stands for the issuer of these tokens. A real one is a URL, so that the two are never the same principal. */
const ISSUER = 'MCP_AUTH_TOKENS';
/** `name:token` or `name:token:scope scope`; the token as RFC 6750 section 2.1 has it. */
const ENTRY = new RegExp(`^([\\w.-]+):([\\w.~+/-]{${MIN_TOKEN_CHARS},}=*)(?::(.*))?$`);

/** One token. */
export interface StaticToken {
  /** Who has it. */
  name: string;
  /** SHA-256 of the token, in hexadecimal digits. */
  digest: Promise<string>;
  /** What it lets its holder do. */
  scopes: readonly string[];
}

/** The tokens that `entries` describe; `undefined` when one is malformed, or when two have the same name or token. */
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

/** Makes a verifier of the given tokens. */
export function createStaticTokenVerifier(tokens: readonly StaticToken[]): TokenVerifier {
  return {
    async verify(token) {
      const presented = await digestOf(token);
      let found: StaticToken | undefined;
      // All of them, each to its end: how long it takes says nothing of how much was right.
      for (const known of tokens) if (isEqual(await known.digest, presented)) found = known;
      if (!found) return refused('it is none of MCP_AUTH_TOKENS');
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

/** Compares two digests in a time that does not depend on where they differ. */
function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index += 1) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}
