/** Who is calling, as far as sessions and tools need to know. */
import type { AuthInfo } from '@modelcontextprotocol/server';

/** Whom a token was given to. A refreshed token has the same; the token itself is no part of it. */
export interface Principal {
  /** The authorization server (`iss`, RFC 9068 section 2.2). */
  issuer: string;
  /** The user, or the client where it acts for itself (`sub`). */
  subject: string;
  /** The client that the token was given to (`client_id`). */
  client: string;
}

/** The caller of one request. */
export interface Caller {
  /** `undefined` where nobody is asked. */
  principal?: Principal;
  /** The verified token, for tools. */
  authInfo?: AuthInfo;
}

/** The caller where nobody is asked. */
export const ANONYMOUS: Caller = {};

/** A string that is the same for the same principal only; empty for the anonymous caller. */
export function principalKey({ principal }: Caller): string {
  return principal ? JSON.stringify([principal.issuer, principal.subject, principal.client]) : '';
}
