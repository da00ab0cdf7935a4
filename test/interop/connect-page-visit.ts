/** Visits of the page at `/` in Chromium, on servers of this process, with everything that the browser complains of. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/telemetry/log.ts';
import type { CreateServer } from '../../src/tools.ts';
import { createTestServer } from '../support/test-server.ts';
import { STEP_MS, type Browser, type ContextOptions, type Page } from './browser.ts';

/** How a page is visited. */
export interface VisitOptions extends ContextOptions {
  /** The path that is opened. @default `/` */
  path?: string;
}

/** A visit. */
export interface Visit {
  page: Page;
  /** The URL of the server. */
  origin: string;
  /** What the console and the Content-Security-Policy have said, and what was thrown. */
  complaints: string[];
  /** The URLs that the browser has asked for. */
  requested: string[];
}

/** Serves an app on loopback, with the settings in `env`. Resolves to its origin. */
export async function serveApp(
  t: Pick<TestContext, 'after'>,
  env: Record<string, string> = {},
  serverOf: CreateServer = (context) => createTestServer(context),
): Promise<string> {
  const log = createLogger({ level: 'silent' });
  const app = createApp(serverOf, { config: loadConfig(env), log });
  const server = createServer(getRequestListener((request) => app.fetch(request)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await app.drain();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Opens the page of a server, as a visitor who has never been there. */
export async function visit(
  t: Pick<TestContext, 'after'>,
  browser: Browser,
  origin: string,
  { path = '/', ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const complaints: string[] = [];
  const requested: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(`${origin}${path}`);
  return { page, origin, complaints, requested };
}
