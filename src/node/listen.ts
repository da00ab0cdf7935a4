/** Puts an app on a socket: listens, and stops without cutting anyone off. */
import { createServer, ServerResponse, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { App } from '../app.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { ConfigError } from '../config/config.ts';
import { sendDirectly } from '../shortcuts/direct-stream.ts';
import { createConnections } from './connections.ts';

/** How long answers, and requests that are on their way, may take after everything else has ended, in milliseconds. */
export const FLUSH_MS = 2000;
/** In how many turns of the event loop in a row nothing must arrive before the listener closes: one to accept, one to read, and one to spare. */
const CALM_TURNS = 3;
/** After so many turns, the listener closes in any case. */
const MAX_TURNS = 10_000;

/** How much longer than an idle connection the headers of a request may take, in milliseconds. */
const HEADERS_MARGIN_MS = 5000;

/** How long a client may accept no bytes, in milliseconds: longer than a connection in a tunnel needs to recover. */
const WRITE_TIMEOUT_MS = 60_000;

/** How much may wait to be sent on all connections: many times what clients that read leave waiting. */
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

/** Options for {@link listen}. */
export interface ListenOptions {
  /** The address or host name to listen on. */
  host: string;
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /** The settings that both come from, for error messages. @default HOST and PORT */
  settings?: { host: string; port: string };
  /** How long an idle connection is kept, in milliseconds. @default 130,000 */
  idleConnectionMs?: number;
  /** How long a client may accept no bytes although some wait for it, in milliseconds. Then its connection is cut. @default 60,000 */
  writeTimeoutMs?: number;
  /** How much may wait to be sent on all connections, in bytes. Beyond that, those that accept nothing are cut. @default 256 MiB */
  maxUnsentBytes?: number;
  /** Whether to use the shortcut around the HTTP adapter. @default true */
  shortcuts?: boolean;
  /** @default systemClock */
  clock?: Clock;
  /** Receives errors of the listening socket. */
  onerror?: (error: Error) => void;
}

/** A listening server. */
export interface Listener {
  /** The port in use, also if 0 was asked for. */
  port: number;
  /** Accepts no more connections, and ends each after its last answer, or after a moment. */
  close(): Promise<void>;
  /** Accepts no more connections, and cuts all that there are. */
  closeNow(): void;
}

/**
 * Starts listening.
 *
 * @throws {@link ConfigError} if the address is unavailable.
 */
export async function listen(app: Pick<App, 'fetch' | 'lifecycle'>, options: ListenOptions): Promise<Listener> {
  const { host, port, idleConnectionMs = 130_000, clock = systemClock, onerror } = options;
  const { writeTimeoutMs = WRITE_TIMEOUT_MS, maxUnsentBytes = MAX_UNSENT_BYTES } = options;
  const answer = getRequestListener(withDirectStreams(app, options), { hostname: host });
  const connections = createConnections({
    listener(request, response) {
      // Clients that keep connections go elsewhere, rather than into one that is about to close (RFC 9112 section 9.6).
      if (app.lifecycle.phase !== 'serving') response.setHeader('connection', 'close');
      void answer(request, response);
    },
    isStopping: () => app.lifecycle.phase !== 'serving',
    writeTimeoutMs,
    maxUnsentBytes,
    clock,
  });
  const server = createServer(connections.take);
  // Beyond a number of headers, Node.js drops the rest, even Origin. The limit on their total size is enough.
  server.maxHeadersCount = 0;
  // A proxy that keeps connections for longer than the server sends requests into closing ones, and answers 502.
  server.keepAliveTimeout = idleConnectionMs;
  // A connection that is still kept must not be cut for headers that have not begun.
  server.headersTimeout = Math.min(idleConnectionMs + HEADERS_MARGIN_MS, server.requestTimeout);
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      connections.close();
      reject(new ConfigError(explain(error, options)));
    };
    server.once('error', refuse);
    // A machine may resolve localhost to ::1 first, where clients of 127.0.0.1 would not find it.
    server.listen(port, host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), () => {
      server.off('error', refuse);
      resolve();
    });
  });
  // Such as a connection that cannot be accepted for lack of file descriptors. The others must go on.
  server.on('error', (error) => onerror?.(error));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      // First, because to Node.js a connection is idle as soon as its answer is written, even if it is not sent yet.
      const deadline = clock.now() + FLUSH_MS;
      await connections.unsent.idleWithin(FLUSH_MS, clock);
      connections.close();
      await calm(server);
      // It ends idle connections, and leaves those whose first request is on its way.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = clock.after(Math.max(deadline - clock.now(), 0), () => server.closeAllConnections());
      await closed.finally(cut);
    },
    closeNow() {
      connections.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Answers requests, and sends event streams without the adapter, unless shortcuts are off. */
function withDirectStreams(app: Pick<App, 'fetch'>, { shortcuts = true }: ListenOptions) {
  if (!shortcuts) return (request: Request, env: object) => app.fetch(request, env);
  return async (request: Request, env: HttpBindings | Http2Bindings) => {
    const { outgoing } = env;
    const response = await app.fetch(request, env);
    return outgoing instanceof ServerResponse && sendDirectly(response, outgoing) ? RESPONSE_ALREADY_SENT : response;
  };
}

/**
 * Waits for a moment in which nothing arrives. The end of a listener breaks the connections that wait in the system, of which
 * Node.js accepts one in a turn of the event loop, and those whose request it has yet to read: a proxy would answer 502.
 */
async function calm(server: Server): Promise<void> {
  let arrived = 0;
  const count = () => void (arrived += 1);
  server.on('connection', count).on('request', count);
  for (let turn = 0, turns = 0; turn < MAX_TURNS && turns < CALM_TURNS; turn += 1) {
    const before = arrived;
    await new Promise<void>((resolve) => setImmediate(resolve));
    turns = arrived === before ? turns + 1 : 0;
  }
  server.off('connection', count).off('request', count);
}

function explain({ code, message }: NodeJS.ErrnoException, { host, port, settings }: ListenOptions): string {
  const { host: hostSetting, port: portSetting } = settings ?? { host: 'HOST', port: 'PORT' };
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use: stop the program that listens there, or set ${portSetting} to another port.`;
    case 'EACCES':
      return `This user may not listen on port ${port}: set ${portSetting} to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${hostSetting}=${host} is not an address of this machine: set it to one, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host}:${port}: ${message}`;
  }
}
