/** The clients that people use: those of both generations of the SDK, in every mode, behind one interface. */
import type { TestContext } from 'node:test';
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
  type FetchLike,
  type OAuthClientProvider as AuthProviderV2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import type { OAuthClientProvider as AuthProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { MODERN } from './app.ts';
import { childEnv, PROJECT_ROOT } from './process.ts';

const VERSION_NEGOTIATION = {
  'v2 legacy': { mode: 'legacy' },
  'v2 auto': { mode: 'auto' },
  'v2 pinned': { mode: { pin: MODERN } },
} as const;

export type ClientKind = 'v1' | keyof typeof VERSION_NEGOTIATION;

/** Every client, and the era that it and this server meet in. */
export const CLIENTS: readonly { kind: ClientKind; era: 'legacy' | 'modern' }[] = [
  { kind: 'v1', era: 'legacy' },
  { kind: 'v2 legacy', era: 'legacy' },
  { kind: 'v2 auto', era: 'modern' },
  { kind: 'v2 pinned', era: 'modern' },
];

export interface CallOptions {
  onprogress?: (progress: { progress: number; total?: number | undefined }) => void;
  signal?: AbortSignal;
}

export interface ToolResult {
  content: { type: string; text?: string }[];
  structuredContent?: unknown;
  isError?: boolean;
}

export interface TestClient {
  /** The era that was negotiated. */
  era: 'legacy' | 'modern' | undefined;
  listTools(): Promise<{ tools: { name: string; outputSchema?: unknown }[] }>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolResult>;
  close(): Promise<void>;
}

/** How a client speaks HTTP. */
export interface HttpOptions {
  /** @default globalThis.fetch */
  fetch?: FetchLike;
  /** A session to go on with. @default none */
  sessionId?: string;
  /** Signs the user in. @default no sign-in */
  authProvider?: AuthProviderV1 & AuthProviderV2;
}

/** A client that is connected over HTTP. */
export interface HttpClient extends TestClient {
  transport: HttpV1 | HttpV2;
}

/** A transport that is not connected. */
export function httpTransport(kind: ClientKind, url: string, options: HttpOptions = {}): HttpV1 | HttpV2 {
  return new (kind === 'v1' ? HttpV1 : HttpV2)(new URL(url), { fetch: globalThis.fetch, ...options });
}

/** Connects over HTTP; the client is closed with the test. */
export async function connectHttp(
  t: TestContext,
  kind: ClientKind,
  url: string,
  options: HttpOptions = {},
): Promise<HttpClient> {
  const transport = httpTransport(kind, url, options);
  const client = await (kind === 'v1' ? connectV1(t, transport) : connectV2(t, kind, transport as HttpV2));
  return { ...client, transport };
}

/** Takes what the authorization server answered. The older generation takes the code alone, without `iss`. */
export async function finishAuth(transport: HttpClient['transport'], answer: URLSearchParams): Promise<void> {
  if (transport instanceof HttpV1) await transport.finishAuth(answer.get('code') ?? '');
  else await transport.finishAuth(answer);
}

/** What to start for a client that speaks stdio. */
export interface StdioCommand {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** Starts an entry, or whatever else speaks stdio, and connects; both are closed with the test. */
export async function connectStdio(
  t: TestContext,
  kind: ClientKind,
  entry: string | StdioCommand,
): Promise<TestClient> {
  const command =
    typeof entry === 'string' ? { command: process.execPath, args: ['--import', './loader.mjs', entry] } : entry;
  const server = { env: childEnv(), ...command, cwd: PROJECT_ROOT, stderr: 'ignore' as const };
  return kind === 'v1' ? connectV1(t, new StdioV1(server)) : connectV2(t, kind, new StdioV2(server));
}

async function connectV1(t: TestContext, transport: TransportV1): Promise<TestClient> {
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  t.after(() => client.close());
  await client.connect(transport);
  return {
    era: 'legacy',
    listTools: () => client.listTools(),
    call: async (name, args = {}, options = {}) =>
      (await client.callTool({ name, arguments: args }, undefined, options)) as ToolResult,
    close: () => client.close(),
  };
}

async function connectV2(
  t: TestContext,
  kind: Exclude<ClientKind, 'v1'>,
  transport: HttpV2 | StdioV2,
): Promise<TestClient & { client: ClientV2 }> {
  const client = new ClientV2({ name: 'test', version: '1.0.0' }, { versionNegotiation: VERSION_NEGOTIATION[kind] });
  t.after(() => client.close());
  await client.connect(transport);
  return {
    client,
    era: client.getProtocolEra(),
    listTools: () => client.listTools(),
    call: async (name, args = {}, options = {}) =>
      (await client.callTool({ name, arguments: args }, options)) as ToolResult,
    close: () => client.close(),
  };
}
