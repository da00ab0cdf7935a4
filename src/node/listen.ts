/** Puts an app on a socket: listens, and stops without cutting anyone off. */
import { createServer, ServerResponse, type RequestListener } from 'node:http';
import { Server, type AddressInfo } from 'node:net';
import { getRequestListener, type Http2Bindings, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { App } from '../app.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { ConfigError } from '../config/config.ts';
import { LAST_ANSWERS_MS } from '../lib/lifecycle.ts';
import { sendDirectly } from '../shortcuts/direct-stream.ts';
import { createConnections, type Connections } from './connections.ts';

/** How long a close may take in all, in milliseconds: what is still being sent or received by then is cut off. */
export const FLUSH_MS = 2000;
/** How long a close waits for requests on idle connections, in milliseconds. */
const LAST_REQUESTS_MS = 1000;
/** How often it looks whether they have got one, in milliseconds. */
const LOOK_AGAIN_MS = 25;
/** How much of the time is kept for finding a calm moment to close the listening socket, in milliseconds. */
const CALM_MS = 250;
/** In how many turns of the event loop in a row nothing must arrive: the first may have begun before the last arrival. */
const CALM_TURNS = 2;

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
  /**
   * Stops accepting connections, and ends each of them after its last answer. First, it waits for a request on idle ones, until
   * none has arrived anywhere for a quarter of a second, at most for a second. After two seconds, it cuts what is left.
   */
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
      // Nobody reads the body of a DELETE. Left alone, even an empty one makes the adapter set three timers to discard it.
      if (request.method === 'DELETE') request.resume();
      void answer(request, response);
    },
    isStopping: () => app.lifecycle.phase !== 'serving',
    writeTimeoutMs,
    maxUnsentBytes,
    clock,
  });
  /** Requests that wait until the listening socket is closed: their answers would bring more connections. */
  let held: Parameters<RequestListener>[] | undefined;
  const server = createServer((...request) => void (held ? held.push(request) : connections.take(...request)));
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
      const deadline = clock.now() + FLUSH_MS;
      await keptConnectionsUsed(connections, clock);
      // To Node.js, a connection is idle as soon as its answer is written, even if it is not sent yet.
      await connections.unsent.idleWithin(Math.max(deadline - CALM_MS - clock.now(), 0), clock);
      connections.close();
      const requests: Parameters<RequestListener>[] = [];
      held = requests;
      await calm(server, deadline, clock);
      // The listening socket first, while it is calm: to end the idle connections takes longer.
      const closed = new Promise<void>((resolve) => Server.prototype.close.call(server, () => resolve()));
      // It ends idle connections, and leaves those whose first request is on its way.
      server.close();
      held = undefined;
      for (const request of requests) if (!request[0].socket.destroyed) connections.take(...request);
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
  // A copy is a response of Node.js. The original is the adapter's own kind if a listener was made before this file was loaded,
  // and the adapter would try to send it.
  const alreadySent = RESPONSE_ALREADY_SENT.clone();
  return async (request: Request, env: HttpBindings | Http2Bindings) => {
    const { outgoing } = env;
    const response = await app.fetch(request, env);
    return outgoing instanceof ServerResponse && sendDirectly(response, outgoing) ? alreadySent : response;
  };
}

/**
 * Waits for a moment in which nothing arrives. Closing the listening socket resets the connections that the system has made but
 * Node.js has not accepted yet, which it does one by one, in a turn of the event loop each. Closing a connection resets it
 * if a request on it has not been read yet.
 */
async function calm(server: Server, until: number, clock: Clock): Promise<void> {
  let arrived = 0;
  const count = () => void (arrived += 1);
  server.on('connection', count).on('request', count);
  let turns = 0;
  while (turns < CALM_TURNS && clock.now() < until) {
    const before = arrived;
    await new Promise<void>((resolve) => setImmediate(resolve));
    turns = arrived === before ? turns + 1 : 0;
  }
  server.off('connection', count).off('request', count);
}

/**
 * Waits until each idle connection has got one more request, whose answer closes it. A proxy may send a request on an idle
 * connection at the very moment that the server closes it, and then it answers 502 (RFC 9112 section 9.6). So the server does
 * that only when requests have ceased, or when it has waited for long enough.
 */
async function keptConnectionsUsed(connections: Connections, clock: Clock): Promise<void> {
  const until = clock.now() + LAST_REQUESTS_MS;
  for (;;) {
    const end = Math.min(connections.lastRequestAt + LAST_ANSWERS_MS, until);
    if (connections.idle === 0 || clock.now() >= end) return;
    await new Promise<void>((resolve) => clock.after(Math.min(end - clock.now(), LOOK_AGAIN_MS), resolve));
    // What has arrived while this process was waiting for a processor.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
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
