/** The runtimes, in exact versions, installed outside of this project. */
import { packagesIn } from '../support/packages.ts';

const PACKAGES = {
  'Node.js 20': 'node@20.20.2',
  'Node.js 22': 'node@22.23.1',
  'Node.js 24': 'node@24.21.0',
  Bun: 'bun@1.4.5',
  Deno: 'deno@2.9.5',
  workerd: 'workerd@1.20261023.1',
} as const;

/** A runtime, by its name in the titles of tests. */
export type RuntimeName = keyof typeof PACKAGES;

export const RUNTIMES = Object.keys(PACKAGES) as RuntimeName[];
export const { install, bin } = packagesIn<RuntimeName>(PACKAGES, 'hono-mcp-server-runtimes');
