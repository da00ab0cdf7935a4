/**
 * Entry: the tools over Streamable HTTP at `/mcp` on Cloudflare Workers, Vercel, Deno and Bun, without the Node.js adapter.
 *
 * Nothing that this imports may import a Node.js built-in. Settings come from the environment, or from the variables of the Worker.
 */
import { createFetchHandler } from './edge/fetch-handler.ts';
import * as toolFile from './mcp-server.ts';
import type { ToolFile } from './tools.ts';

const { createMcpServer, notify, onSessionEnd }: ToolFile = toolFile;
// oxlint-disable-next-line import/no-default-export -- these runtimes look for it.
export default createFetchHandler(createMcpServer, { notify, onSessionEnd });
