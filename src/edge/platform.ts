/** What the edge entry knows of the platforms it runs on: their settings, their addresses and their timers. */
import type { Context } from 'hono';
import { getRuntimeKey } from 'hono/adapter';
import { systemClock, type Clock } from '../lib/clock.ts';
import { workersClock } from './workers.ts';

/** Settings by their variables. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** Where the edge entry runs. Any other runtime of the fetch standard counts as `node`. */
export type PlatformName = 'bun' | 'deno' | 'node' | 'vercel' | 'workers';

/** One of these platforms. */
export interface Platform {
  readonly name: PlatformName;
  /** The settings at the start of the program; `undefined` on Cloudflare Workers, which pass them with each request. */
  readonly env: Settings | undefined;
  /** Whether the program owns the socket, and serves until it is stopped. If not, the next request may reach another process. */
  readonly isLongLived: boolean;
  readonly clock: Clock;
  /** The address that a request comes from, if the platform tells it. */
  addressOf(c: Context): string | undefined;
  /** Has the program end on a signal after `stop` is done. @default the platform ends it as it sees fit */
  onSignal?: (stop: () => Promise<void>) => void;
}

/** The platform of this program. */
export function currentPlatform(): Platform {
  const runtime = getRuntimeKey();
  if (runtime === 'workerd') return platformNamed('workers', undefined);
  const { env } = process;
  if (env['VERCEL'] === '1') return platformNamed('vercel', env);
  if (runtime !== 'bun' && runtime !== 'deno') return platformNamed('node', env);
  return { ...platformNamed(runtime, env), onSignal: exitAfter };
}

/** Stops on the first signal, and exits right away on the second. */
function exitAfter(stop: () => Promise<void>): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(0);
      isStopping = true;
      void stop().finally(() => process.exit(0));
    });
  }
}

/**
 * A platform by its name.
 *
 * @param env - The settings at the start of the program.
 */
export function platformNamed(name: PlatformName, env: Settings | undefined): Platform {
  return {
    name,
    env,
    isLongLived: name !== 'workers' && name !== 'vercel',
    clock: name === 'workers' ? workersClock : systemClock,
    addressOf: ADDRESSES[name],
  };
}

/**
 * Bun and Deno pass the connection as the second argument of `fetch`. Cloudflare and Vercel set a header, and replace one
 * that a client has sent.
 */
const ADDRESSES: Record<PlatformName, Platform['addressOf']> = {
  bun: (c) => (c.env as Partial<BunServer> | undefined)?.requestIP?.(c.req.raw)?.address,
  deno: (c) => (c.env as Partial<DenoInfo> | undefined)?.remoteAddr?.hostname,
  node: () => undefined,
  vercel: (c) => c.req.header('x-real-ip'),
  workers: (c) => c.req.header('cf-connecting-ip'),
};

interface BunServer {
  requestIP(request: Request): { address: string } | null;
}

interface DenoInfo {
  remoteAddr: { hostname: string };
}
