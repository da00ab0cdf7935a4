/**
 * Your tools, defined once for every transport and both protocol eras.
 *
 * Replace this file and `slug.ts` with your own. The host calls `createMcpServer()` whenever it needs a server: for a
 * stdio connection, for an HTTP session that becomes active, and for each request without a session. Return a new
 * `McpServer` every time. Keep schemas, pools and caches at module scope, and never keep one client's data there.
 */
import { McpServer, requireScopes, type CallToolResult } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { createUniqueSlug, isShort, MAX_TEXT_CHARS, MAX_TITLE_CHARS, MAX_TITLES, slugOf } from './slug.ts';
import { cachedSchema, canHaveScope, nextTurn, type McpContext } from './tools.ts';

/** What registries and hosts show of the server: at most 100 characters. */
const DESCRIPTION = 'Turns text in any language into URL slugs, one at a time or a list of unique ones.';
/** What a token needs to call `slugify-batch`, which can keep the server busy. */
const BATCH_SCOPE = 'slugs:batch';
/** How many times a batch reports progress and can be cancelled. */
const BATCH_STEPS = 40;
/** The tool list changes only with a deploy, so clients may cache it for an hour (SEP-2549). */
const LIST_TTL_MS = 60 * 60 * 1000;
/** How many slugs this process has made, whoever asked for them: a resource that clients can subscribe to. */
const COUNT_URI = 'slugs://count';
let slugsMade = 0;

const boundedText = (name: string, max: number) => {
  const tooLong = `${name} may have at most ${max} characters`;
  return z.string().max(max, tooLong).refine(isShort(max), `${tooLong}, ligatures written out`);
};
const options = {
  separator: z.enum(['-', '_', '.', '~']).default('-').describe('What separates two words'),
  lowercase: z.boolean().default(true).describe('Whether to convert the slug to lower case'),
  maxLength: z
    .int()
    .min(1)
    .max(MAX_TEXT_CHARS)
    .optional()
    .describe('Longest slug to return, in characters; cut at the end of a word if one fits'),
  characters: z
    .enum(['auto', 'ascii', 'unicode'])
    .default('auto')
    .describe(
      'auto: transliterate to Latin letters and keep what has no transliteration, such as Chinese or Japanese. ' +
        'ascii: transliterate and drop the rest. unicode: keep the letters of every script as they are.',
    ),
};
const slugifyInput = z.object({
  text: boundedText('text', MAX_TEXT_CHARS).describe('The text to turn into a slug, in any language'),
  ...options,
});
const batchInput = z.object({
  titles: z
    .array(boundedText('a title', MAX_TITLE_CHARS))
    .min(1, 'give at least one title')
    .max(MAX_TITLES, `at most ${MAX_TITLES} titles fit one call: split the list`)
    .describe('The titles to turn into slugs'),
  ...options,
});
const slugifyOutput = z.object({ slug: z.string().describe('The slug') });
const batchOutput = z.object({ slugs: z.array(z.string()).describe('One slug for each title, in the same order') });

const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const slugify = {
  title: 'Slugify',
  description: 'Turn a text in any language into a slug for a URL or a file name.',
  inputSchema: cachedSchema(slugifyInput),
  outputSchema: cachedSchema(slugifyOutput),
  // Directories of servers ask for the title here, and clients of 2025-03-26 know it nowhere else.
  annotations: { title: 'Slugify', ...hints },
};
const slugifyBatch = {
  title: 'Slugify a list',
  description: 'Turn many titles into slugs that differ from each other, in the order of the titles.',
  inputSchema: cachedSchema(batchInput),
  outputSchema: cachedSchema(batchOutput),
  annotations: { title: 'Slugify a list', ...hints },
  scopeChallenge: requireScopes(BATCH_SCOPE),
};

/** Builds a server with the tools that the caller may use. It is not connected to a transport yet. */
export function createMcpServer({ authInfo, calledTool, notify }: McpContext): McpServer {
  // A shared cache may keep only what is the same for every caller.
  const cacheHint = { ttlMs: LIST_TTL_MS, cacheScope: authInfo ? 'private' : 'public' } as const;
  const server = new McpServer(
    { name: 'hono-mcp-server', title: 'Slugs', version: '0.1.0', description: DESCRIPTION },
    {
      capabilities: { logging: {}, tools: { listChanged: false }, resources: { listChanged: false, subscribe: true } },
      instructions: 'Turns titles into URL slugs: slugify for one text, slugify-batch for a list of unique slugs.',
      cacheHints: { 'tools/list': cacheHint, 'resources/list': cacheHint, 'server/discover': cacheHint },
    },
  );
  const count = (slugs: number) => {
    slugsMade += slugs;
    // Only those who have subscribed to it are told.
    notify.resourceUpdated(COUNT_URI);
  };

  server.registerTool('slugify', slugify, ({ text, ...style }) => {
    const { slug, problem } = slugOf(text, style);
    if (problem !== undefined) return toolError(problem);
    count(1);
    return { content: [{ type: 'text', text: slug }], structuredContent: { slug } };
  });

  // A server that is built for the call of a tool is asked for no resource.
  if (calledTool === undefined) registerCount(server);

  // A static token without the scope can never get it, so its holder does not see the tool.
  if (!canHaveScope(authInfo, BATCH_SCOPE)) return server;
  server.registerTool('slugify-batch', slugifyBatch, async ({ titles, ...style }, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    const stepSize = Math.ceil(titles.length / BATCH_STEPS);
    const uniqueSlug = createUniqueSlug(style);
    const slugs: string[] = [];
    let numbered = 0;
    for (const title of titles) {
      const { slug, isNumbered, problem } = uniqueSlug(title);
      if (problem !== undefined) return toolError(problem);
      slugs.push(slug);
      if (isNumbered) numbered += 1;
      if (slugs.length % stepSize !== 0 && slugs.length < titles.length) continue;
      if (progressToken !== undefined) {
        const params = { progressToken, progress: slugs.length, total: titles.length };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      // Let other calls run, and stop if this one was cancelled.
      await nextTurn();
      mcpReq.signal.throwIfAborted();
    }
    // Sent if the client's log level allows it: set by `logging/setLevel`, or in 2026-07-28 by each request's `_meta`.
    // That revision deprecates log messages to clients (SEP-2577); they work in both eras.
    if (numbered > 0) await mcpReq.log('notice', `Slugs taken and numbered: ${numbered}`, 'slugify-batch');
    await mcpReq.log('info', `Slugs made: ${slugs.length}`, 'slugify-batch');
    count(slugs.length);
    return { content: [{ type: 'text', text: slugs.join('\n') }], structuredContent: { slugs } };
  });
  return server;
}

function registerCount(server: McpServer): void {
  const about = { title: 'Slugs made', description: 'How many slugs this process has made since it was started.' };
  server.registerResource('slug-count', COUNT_URI, about, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: String(slugsMade) }],
  }));
}

function toolError(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}
