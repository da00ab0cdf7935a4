/**
 * For tests of a server: connects a client of the SDK to an app, in memory. Requests pass everything that is in `app.ts`,
 * so sessions, subscriptions, state and authorization work as they do in production; only the socket is left out.
 *
 * It knows no test runner: close what it returns at the end of a test. Until then, it keeps the process alive. Nothing in
 * the server imports this file, and it is the only one that needs `@modelcontextprotocol/client`.
 */
import {
  Client,
  StreamableHTTPClientTransport,
  type ClientOptions,
  type FetchLike,
} from '@modelcontextprotocol/client';
import { createApp, type App, type AppOptions } from '../app.ts';
import type { Caller } from '../auth/caller.ts';
import { loadConfig } from '../config/config.ts';
import type { CreateServer } from '../tools.ts';

const ENDPOINT = new URL('http://localhost/mcp');
/** `pin` and not `auto`: a client that meets another era than the test wants must fail. */
const NEGOTIATION = { modern: { mode: { pin: '2026-07-28' } }, legacy: { mode: 'legacy' } } as const;
/** The longest that a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Settings in place of the usual defaults: a test wants no log of what went well, and no wait for calls. */
const TEST_DEFAULTS = { LOG_LEVEL: 'warn', MCP_DRAIN_SECONDS: '0' };

/** Options for {@link connectClient}, whatever it connects to. */
export interface ClientConnection {
  /**
   * The era of the protocol. `modern` is 2026-07-28, without sessions; `legacy` is 2025-11-25, with a session.
   * @default 'modern'
   */
  era?: 'modern' | 'legacy';
  /** A bearer token to send, such as one of `MCP_AUTH_TOKENS`. @default none */
  token?: string;
  /** Options of the client, such as its `capabilities`. @default none */
  client?: Omit<ClientOptions, 'versionNegotiation'>;
  /**
   * Called before the client connects, to register its handlers, such as
   * `client.setRequestHandler('elicitation/create', …)`. @default nothing is registered
   */
  prepare?: (client: Client) => void;
}

/** Options for {@link connectClient} on an app that it makes. */
export interface AppConnection extends ClientConnection {
  /**
   * The settings. `process.env` is not read. @default those of an empty environment, except that only warnings and errors are
   * logged, and that closing does not wait for calls
   */
  env?: Readonly<Record<string, string | undefined>>;
  /** Who calls, whatever the token. @default whom the token stands for; without tokens in the settings, nobody */
  caller?: Caller;
  /** Parts of the app, such as `stateStore`, `notify`, `onSessionEnd` or `log`. @default none */
  app?: Omit<AppOptions, 'config'>;
}

/** A connected client. */
export interface ConnectedClient {
  /** The client of the SDK. */
  client: Client;
  /** What it is connected to. Pass it to {@link connectClient} for another client of the same app. */
  app: App;
  /** The session; `undefined` in the modern era, which has none. */
  readonly sessionId: string | undefined;
  /**
   * Closes the client, and drains the app unless it was passed in. Calling it again changes nothing. It can be passed on,
   * as in `t.after(close)`.
   */
  readonly close: () => Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects a client in memory.
 *
 * @param server - Builds the server, for which an app is made; or an app that exists, which stays open when the client closes.
 * @returns The client once it is connected.
 * @throws `ConfigError` if a setting is wrong, and the SDK's errors if the server refuses the client.
 * @see {@link https://modelcontextprotocol.io/specification/2026-07-28/basic/transports | Transports}
 */
export function connectClient(server: CreateServer, options?: AppConnection): Promise<ConnectedClient>;
export function connectClient(app: App, options?: ClientConnection): Promise<ConnectedClient>;
export async function connectClient(server: CreateServer | App, options: AppConnection = {}): Promise<ConnectedClient> {
  const app = typeof server === 'function' ? appFor(server, options) : server;
  const { era = 'modern', token, prepare } = options;
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { ...options.client, versionNegotiation: NEGOTIATION[era] },
  );
  prepare?.(client);
  const transport = new StreamableHTTPClientTransport(ENDPOINT, { fetch: fetchOf(app, token) });
  // Like a socket: a test that waits for a notification has nothing else that keeps the process alive.
  const keptAlive = setInterval(() => {}, MAX_TIMER_MS);
  let closing: Promise<void> | undefined;
  const closeBoth = async () => {
    try {
      await client.close();
      if (app !== server) await app.drain();
    } finally {
      clearInterval(keptAlive);
    }
  };
  const close = () => (closing ??= closeBoth());
  try {
    await client.connect(transport);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    client,
    app,
    get sessionId() {
      return transport.sessionId;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function appFor(createServer: CreateServer, { env, caller, app }: AppConnection): App {
  const config = loadConfig({ ...TEST_DEFAULTS, ...env });
  return createApp(createServer, { config, ...(caller && { authenticate: async () => caller }), ...app });
}

/** A `fetch` whose other end is the app, and which can be aborted as a connection can break. */
function fetchOf(app: App, token: string | undefined): FetchLike {
  return async (url, init) => {
    const request = new Request(url, init);
    // As a socket would. Browsers forbid it, other runtimes do not.
    request.headers.set('host', ENDPOINT.host);
    if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`);
    const response = await unlessAborted(request.signal, app.fetch(request));
    // Aborted later, the body fails for the client, and is cancelled for the app.
    const body = response.body?.pipeThrough(new TransformStream(), { signal: request.signal }) ?? null;
    return new Response(body, response);
  };
}

/** Does not wait for a response that nobody wants any more: its body is cancelled when it comes. */
function unlessAborted(signal: AbortSignal, answering: Response | Promise<Response>): Promise<Response> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const answered = (response: Response) => {
      signal.removeEventListener('abort', abort);
      if (signal.aborted) void response.body?.cancel();
      resolve(response);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(answering).then(answered, reject);
  });
}
