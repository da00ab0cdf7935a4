/** A POST to `/mcp` once it has been read: what was sent, by whom, and what the client can read. */
import type { Caller } from '../auth/caller.ts';
import type { Accepted } from '../protocol/accept.ts';
import type { Incoming } from '../protocol/incoming.ts';
import type { CreateServer } from '../tools.ts';

/** One POST on its way to a server and back. */
export interface Exchange {
  incoming: Incoming;
  accepted: Accepted;
  caller: Caller;
  /** For tools; its signal tells when the client has gone. `undefined` when the host repeats a handshake. */
  request?: Request | undefined;
}

/** A POST from a client. */
export type PostExchange = Exchange & { request: Request };

/** The context for `createServer` when it builds a server for one POST. */
export function contextOf({ incoming, request, caller: { authInfo } }: PostExchange): Parameters<CreateServer>[0] {
  return {
    era: incoming.era,
    ...(authInfo && { authInfo }),
    requestInfo: request,
    ...(incoming.tool !== undefined && { calledTool: incoming.tool }),
  };
}
