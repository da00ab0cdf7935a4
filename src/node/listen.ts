/** An app on a socket: listening, and stopping without cutting anybody off. */
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { App } from '../app.ts';
import { createCallsInFlight, type CallsInFlight } from '../lib/calls-in-flight.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { ConfigError } from '../config/config.ts';

/** How long answers may take to leave after everything else has ended, in milliseconds. */
const FLUSH_MS = 2000;

/** Options for {@link listen}. */
export interface ListenOptions {
  /** Address or host name to listen on. */
  host: string;
  /** Port to listen on; 0 takes a free one. */
  port: number;
  /** @default systemClock */
  clock?: Clock;
  /** Takes errors of the listening socket. */
  onerror?: (error: Error) => void;
}

/** A listening server. */
export interface Listener {
  /** The port in use, also where 0 was asked for. */
  port: number;
  /** Waits a moment for answers that are on their way, then ends every connection and takes no more. */
  close(): Promise<void>;
}

/**
 * Starts listening.
 *
 * @throws {@link ConfigError} when the address cannot be had.
 */
export async function listen(app: App, { host, port, clock = systemClock, onerror }: ListenOptions): Promise<Listener> {
  const server = createAdaptorServer({ fetch: (request, env) => app.fetch(request, env), hostname: host }) as Server;
  // Beyond a number of headers Node.js drops the rest, Origin among them. Their size has a limit, that is enough.
  server.maxHeadersCount = 0;
  const unsent = countUnsent(server);
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(new ConfigError(explain(error, host, port)));
    server.once('error', refuse);
    server.listen(port, host.replace(/^\[|\]$/g, ''), () => {
      server.off('error', refuse);
      resolve();
    });
  });
  // Such as a connection that cannot be taken for want of file descriptors: no reason to end the others.
  server.on('error', (error) => onerror?.(error));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      // First, because Node.js takes a connection for idle whose answer is written but not sent yet.
      await unsent.idleWithin(FLUSH_MS, clock);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Counts answers until they are sent, or cannot be any more. */
function countUnsent(server: Server): CallsInFlight {
  const unsent = createCallsInFlight();
  server.on('request', ({ socket }, response: ServerResponse) => {
    response.once('close', unsent.begin());
    if (response.socket !== null) return;
    // It waits behind another on its connection (pipelining), and Node.js would not tell it that this has closed.
    const close = () => response.socket === null && response.emit('close');
    socket.setMaxListeners(0).once('close', close);
    response.once('close', () => socket.off('close', close));
  });
  return unsent;
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use: stop what listens there, or set PORT to another.`;
    case 'EACCES':
      return `Port ${port} may not be listened on by this user: set PORT to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is no address of this machine: set it to one, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host}:${port}: ${message}`;
  }
}
