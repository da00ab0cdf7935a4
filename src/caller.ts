/** Who is calling, as far as sessions and tools need to know. */
import type { AuthInfo } from '@modelcontextprotocol/server';

/** The caller of one request. */
export interface Caller {
  /** Who it is, in a form that stays the same when a token is refreshed; empty where nobody is asked. */
  principal: string;
  /** The verified token, for tools. */
  authInfo?: AuthInfo;
}

/** The caller where nobody is asked. */
export const ANONYMOUS: Caller = { principal: '' };
