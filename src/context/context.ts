/** What a tool file gets from the host: the context of each server, the same over stdio and HTTP and in both eras. */
import type { McpRequestContext, McpServer, Server } from '@modelcontextprotocol/server';
import type { Caller, Principal } from '../auth/caller.ts';
import type { Notifier } from './notifier.ts';
import type { FindRequest, RequestState } from './request-state.ts';
import type { State } from './state.ts';

/**
 * What a server is built for: the context of the SDK's `McpServerFactory`, and what the host adds.
 *
 * `era` is `legacy` for the revisions up to 2025-11-25 and `modern` for 2026-07-28. `authInfo` is the caller's verified
 * token, `undefined` if the server does not require one. `requestInfo` is the HTTP request if the server is built for a
 * single one.
 */
export interface McpContext extends McpRequestContext {
  /**
   * The session that the server belongs to: one that a client of the 2025 revisions has opened over HTTP, or its
   * connection over stdio. `undefined` in 2026-07-28, which has no sessions, and with `MCP_SESSIONS=stateless`.
   */
  sessionId?: string | undefined;
  /**
   * Who is calling. It stays the same when a token is refreshed, and for all of a session. Over stdio it is the user of
   * this process; `undefined` over HTTP if callers are unauthenticated.
   */
  caller?: Principal | undefined;
  /** Tells clients what has changed. It is the same object for every server, and can be used at any time. */
  notify: Notifier;
  /** Keeps values for the session and for the caller, which outlive this server. */
  state: State;
  /** Signs what a tool must remember while the client asks its user: `new McpServer(info, { requestState })`. */
  requestState: RequestState;
  /**
   * The only tool that the server will be asked for, under the name that the client sent; `undefined` if it may be any.
   *
   * A server that registers only this tool makes a call as cheap with a thousand tools as with two. It must declare the
   * capability `tools`, or it does not know `tools/call` when the tool does not exist.
   */
  calledTool?: string | undefined;
}

/** Builds an MCP server. The SDK's `McpServerFactory` is one. */
export type CreateServer = (context: McpContext) => McpServer | Server | Promise<McpServer | Server>;

/** Why a session has ended: its client, or a failed `initialize`, ended it; it was unused for too long; another needed its place. */
export type SessionEndReason = 'deleted' | 'expired' | 'evicted';

/**
 * Called once for each session that has ended and may have had a server, to remove what is kept for it elsewhere. The
 * values in `state.session` are gone by then. It is not called when a server merely leaves memory, nor for the sessions that
 * are open when the process stops. A rejection, or what it throws, is logged.
 */
export type OnSessionEnd = (sessionId: string, reason: SessionEndReason) => void | Promise<void>;

/** What a tool file exports. */
export interface ToolFile {
  createMcpServer: CreateServer;
  /** Tells clients what has changed, from outside of calls. */
  notify?: Notifier;
  /** Called once for each session that has ended. */
  onSessionEnd?: OnSessionEnd;
}

/** A server that is needed. */
export interface ServerRequest extends Pick<McpContext, 'era' | 'sessionId' | 'requestInfo' | 'calledTool'> {
  caller: Caller;
  /** Finds the requests of the server. Left out for sessions over HTTP, whose states stay in the process. */
  findRequest?: FindRequest;
  /** The id of the HTTP request that the server is built for, for the log. Sessions outlive theirs. */
  requestId?: string;
}

/** Builds it: a {@link CreateServer} with its context filled in and its result checked. */
export type BuildServer = (request: ServerRequest) => Promise<McpServer | Server>;
