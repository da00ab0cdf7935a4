/** The clients that people use: those of both generations of the SDK, in every mode, behind one interface. */
import type { TestContext } from 'node:test';
import {
  Client as ClientV2,
  LOG_LEVEL_META_KEY,
  StreamableHTTPClientTransport as HttpV2,
  type ElicitResult,
  type FetchLike,
  type OAuthClientProvider as AuthProviderV2,
  type Transport as TransportV2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import type { OAuthClientProvider as AuthProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { MODERN } from './app.ts';
import { createHeard, type Heard } from './heard.ts';
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
  /** How long it waits for the answer, in milliseconds. @default 60,000, as in the SDK */
  timeout?: number;
  /** The least severe log messages that it wants. @default what the era sends to a client that has not said */
  logLevel?: 'info';
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
  /** The URIs of all resources. */
  resources(): Promise<string[]>;
  /** The text of a resource. */
  read(uri: string): Promise<string>;
  /** The names of all prompts. */
  prompts(): Promise<string[]>;
  /** The text of a prompt of one message. */
  prompt(name: string, args?: Record<string, string>): Promise<string>;
  /** What may follow `start` in an argument of a prompt or a variable of a URI template. */
  complete(of: CompletedBy, argument: string, start: string, known?: Record<string, string>): Promise<string[]>;
  /** Asks to be told when one of these resources, or a list, changes: as its era does. */
  follow(...uris: string[]): Promise<void>;
  /** Sets the least severe log messages that it wants from now on (2025). */
  setLogLevel(level: 'info' | 'error'): Promise<void>;
  /** The notifications that it was sent, but for progress. */
  heard: Heard;
  close(): Promise<void>;
}

/** What has completions. */
export type CompletedBy = { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string };

/** What a client can do besides asking. */
export interface ClientOptions {
  /** Fills in a form that the server asks for. @default the client cannot be asked */
  elicit?: (message: string) => ElicitResult;
  /** What its model says. @default it has none */
  sample?: () => string;
  /** The URIs of its roots. @default it has none */
  roots?: string[];
}

/** How a client speaks HTTP. */
export interface HttpOptions extends ClientOptions {
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
  return { ...(await connect(t, kind, transport, options)), transport };
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
  options?: ClientOptions,
): Promise<TestClient> {
  const command =
    typeof entry === 'string' ? { command: process.execPath, args: ['--import', './loader.mjs', entry] } : entry;
  const server = { env: childEnv(), ...command, cwd: PROJECT_ROOT, stderr: 'ignore' as const };
  return connect(t, kind, kind === 'v1' ? new StdioV1(server) : new StdioV2(server), options);
}

/** Connects over any transport; the client is closed with the test. */
export async function connect(
  t: TestContext,
  kind: ClientKind,
  transport: TransportV1 | TransportV2,
  options: ClientOptions = {},
): Promise<TestClient> {
  const client = kind === 'v1' ? createV1(options) : createV2(kind, options);
  const heard = createHeard();
  client.fallbackNotificationHandler = async (notification) => heard.add(notification);
  t.after(() => client.close());
  await client.connect(transport);
  return {
    era: client instanceof ClientV1 ? 'legacy' : client.getProtocolEra(),
    listTools: () => client.listTools(),
    async call(name, args = {}, { logLevel, ...rest } = {}) {
      const params = { name, arguments: args, ...(logLevel && { _meta: { [LOG_LEVEL_META_KEY]: logLevel } }) };
      const result =
        client instanceof ClientV1 ? client.callTool(params, undefined, rest) : client.callTool(params, rest);
      return (await result) as ToolResult;
    },
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => textOf((await client.readResource({ uri })).contents[0]),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args = {}) => textOf((await client.getPrompt({ name, arguments: args })).messages[0]?.content),
    async complete(ref, name, value, known = {}) {
      const { completion } = await client.complete({ ref, argument: { name, value }, context: { arguments: known } });
      return completion.values;
    },
    async follow(...uris) {
      if (client instanceof ClientV2 && client.getProtocolEra() === 'modern') {
        const lists = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
        await client.listen({ ...lists, resourceSubscriptions: uris });
      } else {
        for (const uri of uris) await client.subscribeResource({ uri });
      }
    },
    async setLogLevel(level) {
      await client.setLoggingLevel(level);
    },
    heard,
    close: () => client.close(),
  };
}

const IMPLEMENTATION = { name: 'test', version: '1.0.0' };

/** What it can be asked. */
function capabilitiesOf({ elicit, sample, roots }: ClientOptions) {
  return { ...(elicit && { elicitation: { form: {} } }), ...(sample && { sampling: {} }), ...(roots && { roots: {} }) };
}

function messageOf(text: string) {
  return { model: 'test', role: 'assistant' as const, content: { type: 'text' as const, text } };
}

function createV1(options: ClientOptions): ClientV1 {
  const { elicit, sample, roots } = options;
  const client = new ClientV1(IMPLEMENTATION, { capabilities: capabilitiesOf(options) });
  if (elicit) client.setRequestHandler(ElicitRequestSchema, ({ params }) => elicit(params.message));
  if (sample) client.setRequestHandler(CreateMessageRequestSchema, () => messageOf(sample()));
  if (roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((uri) => ({ uri })) }));
  return client;
}

function createV2(kind: Exclude<ClientKind, 'v1'>, options: ClientOptions): ClientV2 {
  const { elicit, sample, roots } = options;
  const versionNegotiation = VERSION_NEGOTIATION[kind];
  const client = new ClientV2(IMPLEMENTATION, { capabilities: capabilitiesOf(options), versionNegotiation });
  if (elicit) client.setRequestHandler('elicitation/create', ({ params }) => elicit(params.message));
  if (sample) client.setRequestHandler('sampling/createMessage', () => messageOf(sample()));
  if (roots) client.setRequestHandler('roots/list', () => ({ roots: roots.map((uri) => ({ uri })) }));
  return client;
}

/** What is in a part of a result that is a text. */
function textOf(part: object | undefined): string {
  if (part === undefined || !('text' in part) || typeof part.text !== 'string') throw new Error('This is not a text');
  return part.text;
}
