/**
 * The tools, defined once for every transport and both protocol eras.
 *
 * This is the file to replace by your own: the entries call `createMcpServer()` whenever they need a
 * server (one for a stdio connection, one whenever an HTTP session comes to life, one for each stateless
 * request) and nothing else in `src/` knows what it serves. So: build a new `McpServer` on every call, keep
 * shared things (schemas, pools, caches) at module scope, and put nothing of one client where another could
 * read it.
 */
import transliterate from '@sindresorhus/transliterate';
import {
  McpServer,
  requireScopes,
  SUPPORTED_PROTOCOL_VERSIONS,
  type AuthInfo,
  type CallToolResult,
} from '@modelcontextprotocol/server';
import * as z from 'zod';
import { cachedSchema } from './shortcuts/cached-schema.ts';
import type { FactoryContext } from './tools.ts';

/** A slug has no use for more, and the bound keeps one call within milliseconds. */
const MAX_TEXT_CHARS = 10_000;
const MAX_TITLE_CHARS = 1_000;
const MAX_TITLES = 1_000;
/** A batch reports progress, and can be cancelled, this many times: often enough to watch, cheap enough to ask for. */
const BATCH_STEPS = 40;
/** The tool list changes with a deploy only; clients may keep it this long (SEP-2549). */
const LIST_TTL_MS = 60 * 60 * 1000;
/** With 2026-07-28 among them, calls of that revision take the short way (`modern-call.ts`); it is served without, too. */
const REVISIONS = ['2026-07-28', ...SUPPORTED_PROTOCOL_VERSIONS];
/** What a token needs for a batch, which may keep the server busy for longer. */
const BATCH_SCOPE = 'slugs:batch';
const batchScopeChallenge = requireScopes(BATCH_SCOPE);

const slugOptions = {
  separator: z.enum(['-', '_', '.', '~']).default('-').describe('What stands between two words'),
  lowercase: z.boolean().default(true).describe('Whether to turn the slug into lower case'),
  maxLength: z
    .int()
    .min(1)
    .max(MAX_TEXT_CHARS)
    .optional()
    .describe('Longest slug to return, in characters; cut at the end of a word where one fits'),
  characters: z
    .enum(['auto', 'ascii', 'unicode'])
    .default('auto')
    .describe(
      'auto: transliterate to Latin letters and keep what has no transliteration, such as Chinese or Japanese. ' +
        'ascii: transliterate and drop the rest. unicode: keep the letters of every script as they are.',
    ),
};
const slugifyInput = z.object({
  text: z
    .string()
    .max(MAX_TEXT_CHARS, `text may have at most ${MAX_TEXT_CHARS} characters`)
    .refine(isShort(MAX_TEXT_CHARS), `text may have at most ${MAX_TEXT_CHARS} characters, ligatures written out`)
    .describe('The text to turn into a slug, in any language'),
  ...slugOptions,
});
const slugifyOutput = z.object({ slug: z.string().describe('The slug') });
const batchInput = z.object({
  titles: z
    .array(
      z
        .string()
        .max(MAX_TITLE_CHARS, `a title may have at most ${MAX_TITLE_CHARS} characters`)
        .refine(
          isShort(MAX_TITLE_CHARS),
          `a title may have at most ${MAX_TITLE_CHARS} characters, ligatures written out`,
        ),
    )
    .min(1, 'give at least one title')
    .max(MAX_TITLES, `at most ${MAX_TITLES} titles fit one call: split the list`)
    .describe('The titles to turn into slugs'),
  ...slugOptions,
});
const batchOutput = z.object({ slugs: z.array(z.string()).describe('One slug for each title, in the same order') });

const slugifySchemas = { inputSchema: cachedSchema(slugifyInput), outputSchema: cachedSchema(slugifyOutput) };
const batchSchemas = { inputSchema: cachedSchema(batchInput), outputSchema: cachedSchema(batchOutput) };

type SlugOptions = Omit<z.infer<typeof slugifyInput>, 'text'>;

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** What {@link createMcpServer} may know of the request that a server is for, and options for tests. */
export interface McpServerDependencies extends Partial<FactoryContext> {
  /**
   * Lets other work of the process run between two steps of a batch; resolves when the batch may go on.
   * @default one turn of the event loop
   */
  pause?: () => Promise<void>;
}

/**
 * Builds a server with its tools registered, connected to nothing.
 *
 * Cheap enough to be called for each request, as it is in the 2026-07-28 revision, and without sessions. `authInfo` is
 * the verified token of whoever the server is for, where that is asked; `calledTool` is the one tool to register, where
 * that is known.
 */
export function createMcpServer({ authInfo, calledTool, pause = nextTurn }: McpServerDependencies = {}): McpServer {
  // What is the same for all may be kept by caches that serve all.
  const cacheHint = { ttlMs: LIST_TTL_MS, cacheScope: authInfo ? 'private' : 'public' } as const;
  const server = new McpServer(
    { name: 'hono-mcp-server', title: 'Slugs', version: '0.1.0' },
    {
      // They change with a deploy only. Without this, McpServer would promise to tell of changes.
      capabilities: { tools: { listChanged: false } },
      instructions: 'Turns titles into URL slugs: slugify for one text, slugify-batch for a list of unique slugs.',
      cacheHints: { 'tools/list': cacheHint, 'server/discover': cacheHint },
      supportedProtocolVersions: REVISIONS,
    },
  );
  if (calledTool === undefined || calledTool === 'slugify') registerSlugify(server);
  if (calledTool === undefined || calledTool === 'slugify-batch') registerSlugifyBatch(server, authInfo, pause);
  return server;
}

function registerSlugify(server: McpServer): void {
  server.registerTool(
    'slugify',
    {
      title: 'Slugify',
      description: 'Turn a text in any language into a slug for a URL or a file name.',
      ...slugifySchemas,
      annotations,
    },
    ({ text, ...options }) => {
      const slug = slugOf(text, options);
      if (slug === '') return toolError(`${quote(text)} leaves nothing to make a slug of: ${remedy(options)}.`);
      return { content: [{ type: 'text', text: slug }], structuredContent: { slug } };
    },
  );
}

function registerSlugifyBatch(server: McpServer, authInfo: AuthInfo | undefined, pause: () => Promise<void>): void {
  const tool = server.registerTool(
    'slugify-batch',
    {
      // Without this scope, a client is told to ask for it. Where nobody is asked who they are, nothing is needed.
      scopeChallenge: batchScopeChallenge,
      title: 'Slugify a list',
      description: 'Turn many titles into slugs that differ from each other, in the order of the titles.',
      ...batchSchemas,
      annotations,
    },
    async ({ titles, ...options }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      const uniqueSlug = createUniqueSlug(options);
      const stepSize = Math.ceil(titles.length / BATCH_STEPS);
      const slugs: string[] = [];
      for (const title of titles) {
        const slug = uniqueSlug(title);
        if (slug === '') {
          const which = `Title ${slugs.length + 1}, ${quote(title)},`;
          return toolError(`${which} leaves nothing to make a slug of: ${remedy(options)}.`);
        }
        if (options.maxLength !== undefined && [...slug].length > options.maxLength) {
          return toolError(`Too many titles share a slug to number them within maxLength ${options.maxLength}.`);
        }
        slugs.push(slug);
        if (slugs.length % stepSize !== 0 && slugs.length < titles.length) continue;
        if (progressToken !== undefined) {
          const params = { progressToken, progress: slugs.length, total: titles.length };
          await mcpReq.notify({ method: 'notifications/progress', params });
        }
        await pause();
        // Nobody reads the answer of a cancelled call; stop and free the thread.
        mcpReq.signal.throwIfAborted();
      }
      return { content: [{ type: 'text', text: slugs.join('\n') }], structuredContent: { slugs } };
    },
  );
  // A static token comes from no authorization server that could add a scope: its holder need not see the tool.
  const isStatic = authInfo !== undefined && authInfo.resourceMetadataUrl === undefined;
  if (isStatic && !authInfo.scopes.includes(BATCH_SCOPE)) tool.disable();
}

/** Scripts that the transliterator knows. It strips marks from the others, which would spoil Hindi or Japanese. */
const TRANSLITERABLE =
  /(?:[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Arabic}\p{Script=Thaana}]\p{M}*)+/gu;
/** English endings, whose apostrophe joins rather than separates: don't, it's, we're. */
const CONTRACTION = /(?<=\p{L})['’](?=(?:[tsdm]|ll|re|ve)(?![\p{L}\p{N}]))/giu;
/** Joiners, soft hyphens, variation selectors: invisible, and no word's border. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/** Letters and digits with their marks, but for those that enclose: the frame of a keycap emoji is none of a word. */
const ANY_WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{Mn}\p{Mc}]*/gu;
const ASCII_WORD = /[A-Za-z0-9]+/g;
const ASCII_LETTERS = /^[A-Za-z]+$/;

/** The slug of `text`, or an empty string where no letter or digit is left. */
function slugOf(text: string, { separator, lowercase, maxLength, characters }: SlugOptions): string {
  let plain = text.normalize('NFKC').replace(INVISIBLE, '').replace(CONTRACTION, '');
  if (characters !== 'unicode') {
    plain = plain.replaceAll('&', ' and ').replace(TRANSLITERABLE, transliterated);
  }
  if (lowercase) plain = plain.toLowerCase();
  const words = plain.normalize('NFC').match(characters === 'ascii' ? ASCII_WORD : ANY_WORD) ?? [];
  return joinWithin(words, separator, maxLength ?? Infinity);
}

/** The transliterator leaves ASCII as it is, but takes its time to find out. */
function transliterated(letters: string): string {
  return ASCII_LETTERS.test(letters) ? letters : transliterate(letters);
}

/** Joins whole words while they fit; a first word that is too long is cut between characters. */
function joinWithin(words: string[], separator: string, maxLength: number): string {
  let slug = '';
  let length = 0;
  for (const word of words) {
    const characters = [...word];
    if (slug === '') {
      slug = characters.slice(0, maxLength).join('');
      length = characters.length;
    } else {
      length += separator.length + characters.length;
      if (length <= maxLength) slug += separator + word;
    }
    if (length >= maxLength) break;
  }
  return slug;
}

/** A function that returns the slug of each title it is given, numbered from the second on that is the same. */
function createUniqueSlug(options: SlugOptions): (title: string) => string {
  const taken = new Set<string>();
  /** Where to go on counting, so that a thousand equal titles take a thousand steps, not half a million. */
  const lastNumber = new Map<string, number>();
  return (title) => {
    const base = slugOf(title, options);
    if (base === '') return '';
    let number = lastNumber.get(base) ?? 1;
    let slug = base;
    while (taken.has(slug)) slug = numbered(base, ++number, options);
    lastNumber.set(base, number);
    taken.add(slug);
    return slug;
  };
}

/** `base` with a number behind it, shortened so that both keep within the length asked for. */
function numbered(base: string, number: number, { separator, maxLength = Infinity }: SlugOptions): string {
  const suffix = `${separator}${number}`;
  const room = Math.max(maxLength - suffix.length, 0);
  const stem = joinWithin(base.split(separator), separator, room);
  return stem === '' ? String(number) : stem + suffix;
}

function remedy({ characters }: SlugOptions): string {
  return characters === 'ascii'
    ? 'it has no letter or digit with an ASCII form. characters: "auto" or "unicode" keeps other scripts'
    : 'it has no letter or digit';
}

function quote(text: string): string {
  const shown = [...text].slice(0, 40).join('');
  return `"${shown}${shown.length < text.length ? '…' : ''}"`;
}

function toolError(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}

/** Some characters stand for a whole phrase: NFKC makes eighteen of one. A function, since schemas come before it. */
function isShort(maxChars: number): (text: string) => boolean {
  return (text) => text.normalize('NFKC').length <= maxChars;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
