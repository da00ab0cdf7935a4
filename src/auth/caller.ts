/** The caller of a request: what sessions and tools need to know about it, and how the verification of its token ends. */
import type { AuthInfo } from '@modelcontextprotocol/server';

/** The party that a token was issued to. It stays the same when the token is refreshed. */
export interface Principal {
  /** The authorization server (`iss`, RFC 9068 section 2.2). */
  issuer: string;
  /** The user, or the client if it acts on its own behalf (`sub`). */
  subject: string;
  /** The client that the token was issued to (`client_id`). */
  client: string;
}

/** The caller of one request. */
export interface Caller {
  /** `undefined` if callers are unauthenticated. */
  principal?: Principal;
  /** The verified token, for tools. */
  authInfo?: AuthInfo;
}

/** An unauthenticated caller. */
export const ANONYMOUS: Caller = {};
/** The caller over stdio: the user who has started the process. */
export const LOCAL_USER: Caller = { principal: { issuer: 'stdio', subject: 'local user', client: 'stdio' } };

/** A string that identifies the principal; empty for an unauthenticated caller. */
export function principalKey({ principal }: Caller): string {
  return principal ? JSON.stringify([principal.issuer, principal.subject, principal.client]) : '';
}

/** The result of verifying a token. */
export type Verification =
  | { status: 'valid'; caller: Caller }
  /** The token is not valid here. `why` is for the log: it names rules and claims, and contains no part of the token. */
  | { status: 'refused'; why: string }
  /** The authorization server is unavailable, so the token cannot be verified. It may be valid. */
  | { status: 'unavailable'; why: string };

/** The token is refused. `why` contains no part of it. */
export const refused = (why: string): Verification => ({ status: 'refused', why });

/** The token cannot be verified at the moment. */
export const unavailable = (why: string): Verification => ({ status: 'unavailable', why });
