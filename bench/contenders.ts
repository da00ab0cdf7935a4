/** The contenders, and how each is started. */
import { resolve } from 'node:path';
import type { Era } from './requests.ts';

/** One row of the comparison. */
export interface Contender {
  /** Its name in `--only`. */
  id: string;
  /** Its name in tables. */
  title: string;
  era: Era;
  /** The module to start, relative to its root. */
  entry: string;
  env?: Record<string, string>;
  /** Whether it is this project. */
  ours?: true;
  /** The folder to start it in, which its own modules are in. @default the project's */
  root?: string;
  /** The port of a contender that cannot be told one. */
  port?: number;
  /** The package whose version stands in the table, in `bench/contenders/`. */
  package?: string;
  /** What it cannot do besides `tools/call`. */
  lacks?: readonly Ability[];
}

/** What some runs need: progress of a call, and a number of tools that is set at the start. */
export type Ability = 'progress' | 'tools';

const ours = { entry: 'dist/http-server.js', ours: true } as const;
const peer = (file: string) => `bench/contenders/${file}.mjs`;
const sdk1 = { package: '@modelcontextprotocol/sdk' } as const;
const sdk2 = { package: '@modelcontextprotocol/server' } as const;
const mcpUse = {
  entry: peer('mcp-use'),
  env: { MCP_USE_ANONYMIZED_TELEMETRY: 'false' },
  package: 'mcp-use',
} as const;
const xmcp = {
  entry: 'bench/contenders/xmcp/dist/http.js',
  env: { XMCP_TELEMETRY_DISABLED: 'true' },
  port: 41_873,
  package: 'xmcp',
  lacks: ['progress', 'tools'],
} as const;
const asJson = { JSON_ANSWERS: '1' };

/** All contenders. Tables sort them by speed within an era. */
export const CONTENDERS: readonly Contender[] = [
  { id: 'ours-session', title: 'this project', era: 'session', ...ours },
  { id: 'ours-stateless', title: 'this project', era: 'stateless', ...ours, env: { MCP_SESSIONS: 'stateless' } },
  { id: 'ours-modern', title: 'this project', era: 'modern', ...ours },
  { id: 'tmcp-session', title: 'tmcp', era: 'session', entry: peer('tmcp'), package: 'tmcp' },
  { id: 'tmcp-modern', title: 'tmcp', era: 'modern', entry: peer('tmcp'), package: 'tmcp' },
  { id: 'sdk2-hono-session', title: 'SDK v2 on Hono', era: 'session', entry: peer('sdk2-hono'), ...sdk2 },
  {
    id: 'sdk2-hono-session-json',
    title: 'SDK v2 on Hono, JSON answers',
    era: 'session',
    entry: peer('sdk2-hono'),
    env: asJson,
    ...sdk2,
    lacks: ['progress'],
  },
  {
    id: 'sdk2-hono-modern',
    title: 'SDK v2 on Hono',
    era: 'modern',
    entry: peer('sdk2-hono'),
    env: { SERVE: 'modern' },
    ...sdk2,
  },
  {
    id: 'sdk2-hono-stateless',
    title: 'SDK v2 on Hono',
    era: 'stateless',
    entry: peer('sdk2-hono'),
    env: { SERVE: 'modern' },
    ...sdk2,
  },
  { id: 'sdk2-express-session', title: 'SDK v2 on Express', era: 'session', entry: peer('sdk2-express'), ...sdk2 },
  { id: 'sdk2-express-modern', title: 'SDK v2 on Express', era: 'modern', entry: peer('sdk2-express'), ...sdk2 },
  { id: 'sdk1-express-session', title: 'SDK v1 on Express', era: 'session', entry: peer('sdk1-express'), ...sdk1 },
  {
    id: 'sdk1-express-stateless',
    title: 'SDK v1 on Express',
    era: 'stateless',
    entry: peer('sdk1-express-stateless'),
    ...sdk1,
  },
  { id: 'hono-mcp-session', title: '@hono/mcp', era: 'session', entry: peer('hono-mcp'), package: '@hono/mcp' },
  { id: 'fastmcp-session', title: 'fastmcp', era: 'session', entry: peer('fastmcp'), package: 'fastmcp' },
  {
    id: 'fastmcp-session-json',
    title: 'fastmcp, JSON answers',
    era: 'session',
    entry: peer('fastmcp'),
    env: asJson,
    package: 'fastmcp',
    lacks: ['progress'],
  },
  {
    id: 'mcp-handler-stateless',
    title: 'mcp-handler',
    era: 'stateless',
    entry: peer('mcp-handler'),
    package: 'mcp-handler',
  },
  { id: 'mcp-handler-modern', title: 'mcp-handler', era: 'modern', entry: peer('mcp-handler'), package: 'mcp-handler' },
  { id: 'mcp-use-stateless', title: 'mcp-use', era: 'stateless', ...mcpUse },
  { id: 'mcp-use-modern', title: 'mcp-use', era: 'modern', ...mcpUse },
  { id: 'xmcp-stateless', title: 'xmcp', era: 'stateless', ...xmcp },
  { id: 'xmcp-modern', title: 'xmcp', era: 'modern', ...xmcp },
  { id: 'hono', title: 'Hono alone', era: 'floor', entry: peer('hono'), package: 'hono' },
  { id: 'node-http', title: 'node:http alone', era: 'floor', entry: peer('node-http') },
];

/**
 * The contenders that `words` pick. A word is an id, or the beginning of some (`ours`, `tmcp`). Without words, all of them.
 *
 * @throws Error if a word picks none.
 */
export function pickContenders(words: readonly string[]): Contender[] {
  if (words.length === 0) return [...CONTENDERS];
  const picked = new Set(words.flatMap(pickedBy));
  return CONTENDERS.filter(({ id }) => picked.has(id));
}

/** The peers that are measured in every round of every table. The others get one round of the smaller tables. */
const MAIN = /^(?:ours|tmcp|sdk2-hono)-/;

/** Whether a contender is measured in every round of every table. */
export function isMain({ id }: Contender): boolean {
  return MAIN.test(id);
}

/**
 * One of this project's contenders as another build of it.
 *
 * @param folder - A checkout that `npm run build` was run in.
 */
export function asBefore(contender: Contender, folder: string): Contender {
  return { ...contender, id: contender.id.replace('ours', 'before'), title: 'before', root: resolve(folder) };
}

/**
 * What a contender of this project is compared with: a peer, by the beginning of its ids, such as `tmcp`; or otherwise the
 * build in a folder. `undefined` if the peer does not serve the era.
 */
export function opponentOf(contender: Contender, other: string): Contender | undefined {
  const peers = CONTENDERS.filter((one) => !one.ours && one.id.startsWith(`${other}-`));
  if (peers.length === 0) return asBefore(contender, other);
  return peers.find(({ id }) => id === `${other}-${contender.era}`);
}

/** A contender by its id. @throws Error if there is none. */
export function contenderOf(id: string): Contender {
  const contender = CONTENDERS.find((each) => each.id === id);
  if (!contender) throw new Error(`There is no ${id}`);
  return contender;
}

function pickedBy(word: string): string[] {
  const ids = CONTENDERS.map(({ id }) => id);
  if (ids.includes(word)) return [word];
  const beginning = ids.filter((id) => id.startsWith(`${word}-`));
  if (beginning.length === 0) throw new Error(`No contender is called ${word}. There are ${ids.join(', ')}.`);
  return beginning;
}
