/** How the rest of this project asks for an MCP server: as the SDK does, and saying more of what it is for. */
import type { McpRequestContext, McpServer, Server } from '@modelcontextprotocol/server';

/** What a server is built for: the context of the SDK's `McpServerFactory`, and the tool. */
export interface FactoryContext extends McpRequestContext {
  /**
   * The name of the only tool that the server will be asked for, as its client gave it; `undefined` when it may be any.
   * To register that one alone keeps a call about as cheap with a thousand tools as with two. Declare the capability
   * `tools` then: a server that has registered none knows no `tools/call` otherwise.
   */
  calledTool?: string | undefined;
}

/** Builds an MCP server; the SDK's `McpServerFactory` is one. */
export type CreateServer = (context: FactoryContext) => McpServer | Server | Promise<McpServer | Server>;
