/** The contract of whatever knows good tokens from bad ones: static tokens, signed ones, introspection. */
import type { Caller } from './caller.ts';

/** What became of a token. */
export type Verification =
  | { status: 'valid'; caller: Caller }
  /** It is not good here. `why` is for the log: it names rules and claims, and has nothing of the token. */
  | { status: 'refused'; why: string }
  /** Nobody can tell now, because the authorization server is away. The client's token may be fine. */
  | { status: 'unavailable'; why: string };

/** Verifies tokens. */
export interface TokenVerifier {
  /** Says whose token it is. Rejects on a bug only. */
  verify(token: string): Promise<Verification>;
}

/** A token that is refused; `why` has nothing of it. */
export const refused = (why: string): Verification => ({ status: 'refused', why });

/** A token that nobody can verify now. */
export const unavailable = (why: string): Verification => ({ status: 'unavailable', why });
