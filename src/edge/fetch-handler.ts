/**
 * Serves an MCP server where a program exports `fetch`: on Cloudflare Workers, Vercel, Deno and Bun.
 *
 * It is `createApp` with the settings, the address and the timers of the platform. The platform owns the socket.
 */
import type { GetConnInfo } from 'hono/conninfo';
import { createApp, type App, type AppOptions } from '../app.ts';
import { ConfigError, unknownSettings, type Config } from '../config/config.ts';
import { LAST_ANSWERS_MS } from '../lib/lifecycle.ts';
import { internalErrorResponse } from '../protocol/errors.ts';
import { isLoopback } from '../security/loopback.ts';
import { applySchemaShortcuts } from '../shortcuts/schemas.ts';
import { createLogger, type Logger } from '../telemetry/log.ts';
import type { CreateServer, Notifier, OnSessionEnd } from '../tools.ts';
import { ignoredSettings, loadEdgeConfig } from './edge-config.ts';
import { currentPlatform, type Platform, type Settings } from './platform.ts';

/** Options for {@link createFetchHandler}. */
export interface FetchHandlerOptions {
  /** Tells clients what has changed; pass one to use it outside of calls. @default a new one, which calls get in their context */
  notify?: Notifier | undefined;
  /** Called once for each session that has ended, to remove what is kept for it elsewhere. @default nothing is */
  onSessionEnd?: OnSessionEnd | undefined;
  /** Parts of the app in place of its own, such as `authenticate`, or engines that keep sessions. @default none */
  app?: Omit<AppOptions, 'config' | 'connInfo' | 'readBody' | 'setHeader' | 'notify' | 'onSessionEnd'>;
  /** Where the program runs. @default it is found out */
  platform?: Platform;
}

/** What these platforms look for in the default export of a program. */
export interface FetchHandler {
  /**
   * Answers a request.
   *
   * @param context - What the platform passes: on Cloudflare Workers the variables of the Worker, on Bun the server, on Deno the connection.
   */
  fetch(request: Request, context?: unknown): Response | Promise<Response>;
  /** Bun listens on this address, this port, and keeps idle connections for so many seconds. */
  hostname?: string;
  port?: number;
  idleTimeout?: number;
  /** Deno tells the address that it listens on. Throws a {@link ConfigError} if that is not the one in `HOST`. */
  onListen?: (address: { hostname: string; port: number }) => void;
}

/** The longest `idleTimeout` that Bun takes, in seconds. */
const MAX_BUN_IDLE_SECONDS = 255;

/**
 * Makes the default export of a program that serves `createServer` at `/mcp`.
 *
 * The settings are those of `loadConfig`, with other defaults: see `loadEdgeConfig`. A `sessionStore` in `options.app` gives
 * clients of the 2025 revisions sessions.
 *
 * @throws {@link ConfigError} if a setting is wrong. On Cloudflare Workers, where settings come with the requests, every
 * request is answered with 500 instead, and the log says why.
 */
export function createFetchHandler(createServer: CreateServer, options: FetchHandlerOptions = {}): FetchHandler {
  const { platform = currentPlatform() } = options;
  if (platform.env) return handlerOf(open(createServer, platform, platform.env, options), platform);
  let opened: App | 'refused' | undefined;
  return {
    fetch(request, env) {
      opened ??= tryToOpen(createServer, platform, textsIn(env), options);
      return opened === 'refused' ? internalErrorResponse() : opened.fetch(request, env);
    },
  };
}

/** The handler where the settings are known at the start. */
function handlerOf({ app, config, log }: Opened, { name, clock, onSignal }: Platform): FetchHandler {
  onSignal?.(async () => {
    log.info('stopping; a second signal exits right away');
    const callsCut = await app.drain();
    await new Promise<void>((resolve) => clock.after(LAST_ANSWERS_MS, resolve));
    log.info('stopped', { callsCut });
  });
  const fetch: FetchHandler['fetch'] = (request, context) => app.fetch(request, context);
  if (name === 'bun') {
    const idleTimeout = Math.min(config.idleConnectionSeconds, MAX_BUN_IDLE_SECONDS);
    return { fetch, hostname: config.host, port: config.port, idleTimeout };
  }
  if (name !== 'deno') return { fetch };
  return {
    fetch,
    onListen({ hostname, port }) {
      requireHost(config, hostname);
      log.info('listening', { host: hostname, port });
    },
  };
}

/** Without this check, a server that is meant for this machine would be open to the network. */
function requireHost({ host }: Config, listensOn: string): void {
  if (!isLoopback(host) || isLoopback(listensOn)) return;
  throw new ConfigError(`HOST=${host} is loopback, but Deno listens on ${listensOn}: start it with --host ${host}.`);
}

interface Opened {
  app: App;
  config: Config;
  log: Logger;
}

function open(createServer: CreateServer, platform: Platform, env: Settings, options: FetchHandlerOptions): Opened {
  const { notify, onSessionEnd, app = {} } = options;
  const hasEngines = app.sessionStore !== undefined;
  const config = loadEdgeConfig(env, platform, hasEngines);
  applySchemaShortcuts(config.shortcuts);
  const { log = createLogger({ level: config.logLevel }) } = app;
  for (const name of unknownSettings(env)) log.warn('not a setting of this server', { name });
  const ignored = ignoredSettings(env, hasEngines);
  for (const name of ignored.engines) {
    log.warn('has no effect here: pass engines to createFetchHandler instead', { name });
  }
  for (const name of ignored.others) log.warn('has no effect here: only the Node.js entry has it', { name });
  const connInfo: GetConnInfo = (c) => {
    const address = platform.addressOf(c);
    return { remote: address === undefined ? {} : { address } };
  };
  const parts = { clock: platform.clock, ...app, notify, onSessionEnd };
  return { app: createApp(createServer, { ...parts, connInfo, config, log }), config, log };
}

/** `refused` if a setting is wrong; the log says which. */
function tryToOpen(...[createServer, platform, env, options]: Parameters<typeof open>): App | 'refused' {
  try {
    return open(createServer, platform, env, options).app;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { log = createLogger({ level: 'error' }) } = options.app ?? {};
    for (const problem of error.message.split('\n')) log.error('a setting is wrong', { problem });
    return 'refused';
  }
}

/** The variables of a Worker: those of its bindings that are texts. */
function textsIn(bindings: unknown): Settings {
  return Object.fromEntries(Object.entries(bindings ?? {}).filter(([, value]) => typeof value === 'string'));
}
