/** An app of this process on a socket of its own. */
import type { TestContext } from 'node:test';
import type { Clock } from '../../src/lib/clock.ts';
import { listen } from '../../src/node/listen.ts';
import { readIncoming } from '../../src/node/read-incoming.ts';
import { testApp, type TestAppOptions } from './app.ts';

export interface ListeningApp {
  port: number;
  url: string;
  close: () => Promise<void>;
  drain: () => Promise<number>;
  lines: readonly string[];
}

export interface ListeningOptions extends TestAppOptions {
  /** How long idle connections are kept, in milliseconds. @default that of the listener */
  idleConnectionMs?: number;
  /** How much may wait on all connections. @default that of the listener */
  maxUnsentBytes?: number;
  /** The listener's clock. @default systemClock */
  listenerClock?: Clock;
  /** Sees each request before the app does. */
  onRequest?: (request: Request) => void;
}

/**
 * Starts an app on a free port; it is stopped with the test, whatever still runs.
 *
 * @param env - Settings, or a function that makes them from the app's URL.
 */
export async function startListening(
  t: TestContext,
  env: Record<string, string> | ((url: string) => Record<string, string>) = {},
  { listenerClock, idleConnectionMs, maxUnsentBytes, onRequest, ...options }: ListeningOptions = {},
): Promise<ListeningApp> {
  const address = {
    host: '127.0.0.1',
    port: 0,
    ...(listenerClock && { clock: listenerClock }),
    ...(idleConnectionMs && { idleConnectionMs }),
    ...(maxUnsentBytes && { maxUnsentBytes }),
    shortcuts: process.env['MCP_SHORTCUTS'] !== 'off',
  };
  const fetch = (request: Request, bindings?: unknown) => {
    onRequest?.(request);
    return app.fetch(request, bindings);
  };
  const listener = await listen(
    {
      fetch,
      get lifecycle() {
        return app.lifecycle;
      },
    },
    address,
  );
  const url = `http://127.0.0.1:${listener.port}/mcp`;
  const app = testApp(
    { MCP_DRAIN_SECONDS: '0', ...(typeof env === 'function' ? env(url) : env) },
    { readBody: readIncoming, ...options },
  );
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= listener.close());
  t.after(async () => {
    await app.drain();
    await close();
  });
  return { port: listener.port, close, url, drain: () => app.drain(), lines: app.lines };
}
