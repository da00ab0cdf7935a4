/**
 * Asks the server about itself: its name, its instructions and its tools, as an unauthenticated caller of 2026-07-28 would
 * see them. The page at `/` is made from the answer.
 *
 * A server is built for each question, and closed: one for its name, and one for each page of its tools. The SDK's handler
 * asks them in this process. No request is sent, and nobody is authenticated: whoever shows the tools to a visitor decides
 * first whether the visitor may see them.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/server/discover
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  createMcpHandler,
  isSpecType,
  METHOD_NOT_FOUND,
  PROTOCOL_VERSION_META_KEY,
  SERVER_INFO_META_KEY,
  type Implementation,
  type McpHttpHandler,
  type Tool,
} from '@modelcontextprotocol/server';
import { ANONYMOUS } from '../auth/caller.ts';
import type { BuildServer } from '../context/context.ts';
import type { Clock } from '../lib/clock.ts';
import { asAccepted } from '../protocol/accept.ts';
import type { Logger } from '../telemetry/log.ts';

const REVISION = '2026-07-28';
/** How long an answer is used, in milliseconds. However many visitors come, the server is asked at most once in that time. */
const FRESH_MS = 10_000;
/** How long the server may take to answer, in milliseconds. */
const MAX_ANSWER_MS = 5000;
/** The most pages of its list of tools that are read. */
const MAX_PAGES = 20;
/** The most tools that are kept. */
const MAX_TOOLS = 500;
/** The SDK wants a request, but nothing is sent to its address. */
const ADDRESS = 'http://localhost/mcp';

/** What a server says of itself. */
export interface ServerDescription {
  /** Its name and version, and whatever else it gives: title, description, website, icons. */
  serverInfo: Implementation;
  /** How to use it, in its own words, meant for models. */
  instructions: string | undefined;
  /**
   * The tools that an unauthenticated caller sees, at most {@link MAX_TOOLS}; empty if the server has none, and `undefined` if it
   * does not list them, as a server may that lists them only to callers it knows.
   */
  tools: readonly Tool[] | undefined;
}

/** Options for {@link createServerDescription}. */
export interface ServerDescriptionOptions {
  /** Builds the server that is asked. Its failures are logged here. */
  buildServer: BuildServer;
  /** Tells how old an answer is, and limits how long the server may take. */
  clock: Clock;
  /** Receives the reason if the server cannot be asked. */
  log: Logger;
}

/** Resolves to what the server says of itself, or to `undefined` if it cannot be asked. Never rejects. */
export type DescribeServer = () => Promise<ServerDescription | undefined>;

/**
 * Makes a function that asks the server. It keeps the answer, or the failure to get one, for ten seconds, and asks once for
 * everyone who is waiting.
 */
export function createServerDescription(options: ServerDescriptionOptions): DescribeServer {
  const { clock } = options;
  let known: { description: ServerDescription | undefined; until: number } | undefined;
  let asking: Promise<ServerDescription | undefined> | undefined;

  async function ask(): Promise<ServerDescription | undefined> {
    const description = await describeServer(options);
    known = { description, until: clock.now() + FRESH_MS };
    asking = undefined;
    return description;
  }

  return async () => {
    if (known && clock.now() < known.until) return known.description;
    // On Cloudflare Workers, a promise ends with the request that made it, so no other request may wait for it.
    if (!asking || clock.endsWithRequest) asking = ask();
    return asking;
  };
}

/** Asks once. */
async function describeServer(options: ServerDescriptionOptions): Promise<ServerDescription | undefined> {
  const { buildServer, clock, log } = options;
  let lastError: Error | undefined;
  const handler = createMcpHandler(() => buildServer({ era: 'modern', caller: ANONYMOUS }), {
    legacy: 'reject',
    onerror(error) {
      lastError = error;
    },
  });
  const ontoolsfailed = (error: unknown) =>
    log.warn('the server could not be asked for its tools', { error: String(lastError ?? error) });
  const timer: { stop?: () => void } = {};
  const tooLate = new Promise<never>((_, reject) => {
    timer.stop = clock.after(MAX_ANSWER_MS, () => reject(new Error(`no answer within ${MAX_ANSWER_MS} ms`)));
  });
  try {
    return await Promise.race([readDescription(handler, ontoolsfailed), tooLate]);
  } catch (error) {
    log.warn('the server could not be asked about itself', { error: String(lastError ?? error) });
    return undefined;
  } finally {
    timer.stop?.();
    await handler.close().catch(() => {});
  }
}

async function readDescription(
  handler: McpHttpHandler,
  ontoolsfailed: (error: unknown) => void,
): Promise<ServerDescription> {
  const discovered = await resultOf(handler, 'server/discover');
  const meta = discovered?.['_meta'] as Record<string, unknown> | undefined;
  const serverInfo = meta?.[SERVER_INFO_META_KEY];
  if (!isSpecType.Implementation(serverInfo)) throw new Error('it does not say its name');
  const instructions = discovered?.['instructions'];
  return {
    serverInfo,
    instructions: typeof instructions === 'string' ? instructions : undefined,
    tools: await readTools(handler).catch((error: unknown) => {
      ontoolsfailed(error);
      return undefined;
    }),
  };
}

async function readTools(handler: McpHttpHandler): Promise<Tool[]> {
  const tools: Tool[] = [];
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES && tools.length < MAX_TOOLS; page += 1) {
    const result = await resultOf(handler, 'tools/list', typeof cursor === 'string' ? { cursor } : {});
    if (Array.isArray(result?.['tools'])) tools.push(...result['tools'].filter((tool) => isSpecType.Tool(tool)));
    cursor = result?.['nextCursor'];
    if (typeof cursor !== 'string') break;
  }
  return tools.slice(0, MAX_TOOLS);
}

/** The result of a request, or `undefined` if the server does not know the method. Throws if it answers with another error. */
async function resultOf(
  handler: McpHttpHandler,
  method: string,
  params: Record<string, unknown> = {},
): Promise<Record<string, unknown> | undefined> {
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: REVISION,
    [CLIENT_INFO_META_KEY]: { name: 'connect-page', version: '1.0.0' },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  };
  const body = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } };
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
  };
  const request = new Request(ADDRESS, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = await handler.fetch(request, { parsedBody: body });
  // If the server sends a notification before its answer, the SDK responds with a stream.
  const response = await asAccepted(answer, { json: true, eventStream: false });
  const { result, error } = (await response.json()) as Answer;
  if (result) return result;
  if (error?.code === METHOD_NOT_FOUND) return undefined;
  throw new Error(`${method} was answered with ${error?.message ?? `status ${response.status}`}`);
}

interface Answer {
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}
