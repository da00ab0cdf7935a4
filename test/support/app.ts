import { createApp, type App, type AppOptions } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import type { CreateServer } from '../../src/tools.ts';
import { createTestServer } from './test-server.ts';

export const URL_OF_APP = 'http://127.0.0.1:3000/mcp';

export interface TestApp extends App {
  /** Sends a request through the app, as a client on this machine would: with a Host header. */
  request(method: string, options?: RequestOptions): Promise<Response>;
  /** What was logged. */
  readonly lines: string[];
}

export interface RequestOptions {
  path?: string;
  headers?: Record<string, string>;
  /** A string is sent as it is; anything else as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

/** Parts of an app that a test replaces. */
export type TestAppOptions = AppOptions & { createServer?: CreateServer };

/** Whether the suite runs with the shortcuts around the SDK, and how many idle servers stay: with 0, none does. */
const { MCP_SHORTCUTS = 'on', MCP_MAX_LIVE_SESSIONS = '' } = process.env;
export const SUITE_ENV = { MCP_SHORTCUTS, MCP_MAX_LIVE_SESSIONS };

/** An app in this process that serves the test server. `env` is its settings; `options` replace parts of it. */
export function testApp(
  env: Record<string, string> = {},
  { createServer = (context) => createTestServer(context), ...options }: TestAppOptions = {},
): TestApp {
  const lines: string[] = [];
  const config = loadConfig({ ...SUITE_ENV, ...env });
  const log = createLogger({ level: config.logLevel, write: (line) => lines.push(line) });
  const app = createApp(createServer, { config, log, ...options });
  return {
    ...app,
    lines,
    async request(method, { path = '/mcp', headers = {}, body, signal } = {}) {
      const init: RequestInit = { method, headers: { host: '127.0.0.1:3000', ...headers } };
      if (body !== undefined) init.body = typeof body === 'string' ? body : JSON.stringify(body);
      if (signal) init.signal = signal;
      return app.fetch(new Request(new URL(path, URL_OF_APP), init));
    },
  };
}

export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
export const LATEST_LEGACY = '2025-11-25';
export const MODERN = '2026-07-28';

let lastId = 0;

/** A JSON-RPC request with an id of its own. */
export function rpc(method: string, params: Record<string, unknown> = {}, id: string | number = ++lastId) {
  return { jsonrpc: '2.0' as const, id, method, params };
}

/** The `initialize` request of a client of the 2025 revisions. */
export function initializeRequest(capabilities: Record<string, unknown> = {}, protocolVersion = LATEST_LEGACY) {
  return rpc('initialize', { protocolVersion, capabilities, clientInfo: { name: 'test', version: '1.0.0' } });
}

/** A modern request: body with its envelope, and the headers that mirror it. */
export function modernRequest(
  method: string,
  params: Record<string, unknown> = {},
  { id = ++lastId, capabilities = {}, headers = {} }: ModernOptions = {},
): { headers: Record<string, string>; body: ReturnType<typeof rpc> } {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const name = params['name'] ?? params['uri'];
  return {
    headers: {
      ...JSON_HEADERS,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
      ...headers,
    },
    body: rpc(method, { ...params, _meta: { ...(params['_meta'] as object), ...envelope } }, id),
  };
}

interface ModernOptions {
  id?: string | number;
  capabilities?: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** A client of the 2025 revisions, at the level of requests. */
export interface LegacySession {
  id: string;
  /** The headers of a request of this session. */
  headers: Record<string, string>;
  /** POSTs a message. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Opens the GET stream, or resumes a stream. */
  get(lastEventId?: string): Promise<Response>;
  /** Calls a tool and waits for the JSON-RPC answer. */
  call(name: string, args: Record<string, unknown>): Promise<RpcAnswer>;
  delete(): Promise<Response>;
}

/** Opens a session: `initialize`, then `notifications/initialized`. `headers` go with every request. */
export async function openSession(
  app: Pick<TestApp, 'request'>,
  headers: Record<string, string> = {},
  capabilities: Record<string, unknown> = {},
): Promise<LegacySession> {
  const opened = await app.request('POST', {
    headers: { ...JSON_HEADERS, ...headers },
    body: initializeRequest(capabilities),
  });
  await opened.text();
  const id = opened.headers.get('mcp-session-id');
  if (opened.status !== 200 || id === null) throw new Error(`initialize was answered ${opened.status}`);
  const session = sessionOf(app, id, headers);
  const initialized = await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  if (initialized.status !== 202) throw new Error(`initialized was answered ${initialized.status}`);
  return session;
}

/** A session that already exists. */
export function sessionOf(
  app: Pick<TestApp, 'request'>,
  id: string,
  extra: Record<string, string> = {},
): LegacySession {
  const headers = { ...JSON_HEADERS, 'mcp-session-id': id, 'mcp-protocol-version': LATEST_LEGACY, ...extra };
  const post: LegacySession['post'] = (body, more = {}) =>
    app.request('POST', { headers: { ...headers, ...more }, body });
  return {
    id,
    headers,
    post,
    get: (lastEventId) =>
      app.request('GET', {
        headers: { ...headers, accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) },
      }),
    call: async (name, args) => answerOf(await post(rpc('tools/call', { name, arguments: args }))),
    delete: () => app.request('DELETE', { headers }),
  };
}

export interface RpcAnswer {
  id: string | number | null;
  result?: Record<string, unknown> & { isError?: boolean; content?: { type: string; text: string }[] };
  error?: { code: number; message: string; data?: unknown };
}

/** The JSON-RPC answer in a response, whichever type it has. */
export async function answerOf(response: Response): Promise<RpcAnswer> {
  const answer = messagesIn(await response.text()).find((message) => 'result' in message || 'error' in message);
  if (!answer) throw new Error('The stream ended without an answer');
  return answer as unknown as RpcAnswer;
}

/** The messages in a body: JSON, single or in a batch, or events. */
export function messagesIn(text: string): Record<string, unknown>[] {
  if (text.startsWith('[')) return JSON.parse(text) as Record<string, unknown>[];
  if (text.startsWith('{')) return [JSON.parse(text) as Record<string, unknown>];
  return eventsIn(text).flatMap(({ message }) => (message ? [message] : []));
}

export interface SseEvent {
  id: string | undefined;
  retry: number | undefined;
  /** `undefined` for a priming event. */
  message: Record<string, unknown> | undefined;
}

/** The events in the text of a stream, without comments and without an unfinished last event. */
export function eventsIn(text: string): SseEvent[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const field = (name: string) => new RegExp(`(?:^|\n)${name}: ?([^\n]*)`).exec(block)?.[1];
    const data = field('data');
    if (data === undefined) return [];
    const retry = field('retry');
    const message = data === '' ? undefined : (JSON.parse(data) as Record<string, unknown>);
    return [{ id: field('id'), retry: retry === undefined ? undefined : Number(retry), message }];
  });
}

/** Reads a stream while it is open. */
export interface StreamReader {
  /** The next event; rejects if the stream ends first. */
  next(): Promise<SseEvent>;
  /** Everything read so far, comments included. */
  readonly text: string;
  /** Disconnects, as a client does whose connection breaks. */
  cancel(): Promise<void>;
  /** Resolves when the stream has ended. */
  ended(): Promise<void>;
}

export function readStream(response: Response): StreamReader {
  if (response.body === null) throw new Error('The response has no body');
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const queue: SseEvent[] = [];
  let text = '';
  let seen = 0;
  const read = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    text += decoder.decode(value, { stream: true });
    const events = eventsIn(text);
    queue.push(...events.slice(seen));
    seen = events.length;
    return true;
  };
  return {
    get text() {
      return text;
    },
    async next() {
      for (;;) {
        const event = queue.shift();
        if (event) return event;
        if (!(await read())) throw new Error('The stream ended');
      }
    },
    cancel: () => reader.cancel(),
    async ended() {
      while (await read());
    },
  };
}

/** A promise that is resolved from outside: a gate for a tool to wait at. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
