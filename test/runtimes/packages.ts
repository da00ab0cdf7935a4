/** The runtimes, in exact versions, installed outside of this project. */
import { packagesIn } from '../support/packages.ts';

const RUNTIME_PACKAGES = {
  'Node.js 20': 'node@20.20.2',
  'Node.js 22': 'node@22.23.1',
  'Node.js 24': 'node@24.21.0',
  Bun: 'bun@1.4.5',
  Deno: 'deno@2.9.5',
  workerd: 'workerd@1.20261023.1',
} as const;
const PACKAGES = {
  ...RUNTIME_PACKAGES,
  // Its development server stands in for the platform, and needs no network. Later ones could not be installed.
  Vercel: 'vercel@50.44.0',
} as const;

/** A runtime, by its name in the titles of tests. */
export type RuntimeName = keyof typeof RUNTIME_PACKAGES;

export const RUNTIMES = Object.keys(RUNTIME_PACKAGES) as RuntimeName[];
export const { install, bin } = packagesIn<keyof typeof PACKAGES>(PACKAGES, 'hono-mcp-server-runtimes');
