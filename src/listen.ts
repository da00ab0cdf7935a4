/** An app on a socket: listening, and stopping without cutting anybody off. */
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { App } from './app.ts';
import { ConfigError } from './config.ts';

/** How long answers may take to leave after everything else has ended, in milliseconds. */
const FLUSH_MS = 2000;

/** A listening server. */
export interface Listener {
  /** The port in use, also where 0 was asked for. */
  port: number;
  /** Takes no more connections; resolves when those there are have ended, or been cut after a moment. */
  close(): Promise<void>;
}

/**
 * Starts listening.
 *
 * @throws {@link ConfigError} when the address cannot be had.
 */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<Listener> {
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request), hostname: host }) as Server;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ConfigError(explain(error, host, port))));
    server.listen(port, host.replace(/^\[|\]$/g, ''), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), FLUSH_MS);
      await closed;
      clearTimeout(timer);
    },
  };
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
