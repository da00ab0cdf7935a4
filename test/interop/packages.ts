/** The clients that are not dependencies of this project, in exact versions, installed outside of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packagesIn } from '../support/packages.ts';
import { PROJECT_ROOT } from '../support/process.ts';
import { installPython, isPython, pythonVersionOf, type PythonPackage } from './python-packages.ts';

const PACKAGES = {
  // Some clients need a newer Node.js than this project.
  'node 24': 'node@24.21.0',
  inspector: '@modelcontextprotocol/inspector@2.12.0',
  'inspector 0': '@modelcontextprotocol/inspector@0.15.0',
  'claude-code': '@anthropic-ai/claude-code@2.1.330',
  'gemini-cli': '@google/gemini-cli@0.61.0',
  opencode: 'opencode-ai@1.18.33',
  'mcp-remote': 'mcp-remote@0.15.1',
  'ai-sdk': '@ai-sdk/mcp@2.0.99',
  langchain: '@langchain/mcp-adapters@1.1.4',
  playwright: 'playwright-core@1.65.1',
  axe: 'axe-core@4.14.1',
  mcporter: 'mcporter@0.12.3',
  'mcp-use': 'mcp-use@1.34.6',
  'openai-agents': '@openai/agents@0.20.0',
  mastra: '@mastra/mcp@2.0.0',
  llamaindex: '@llamaindex/tools@0.2.1',
  strands: '@strands-agents/sdk@1.19.0',
  'mcp-client': 'mcp-client@1.13.0',
  supergateway: 'supergateway@4.0.0',
  'mcp-proxy': 'mcp-proxy@6.7.19',
  codex: '@openai/codex@0.169.0',
  cline: 'cline@3.0.65',
  'qwen-code': '@qwen-code/qwen-code@0.24.4',
  copilot: '@github/copilot@1.0.102',
  continue: '@continuedev/cli@1.5.47',
} as const;

export type NpmPackage = keyof typeof PACKAGES;
export type PackageName = NpmPackage | PythonPackage;

const npm = packagesIn<NpmPackage>(PACKAGES, 'hono-mcp-server-interop');
export const { bin, folderOf, load } = npm;

/** The exact version of a package. */
export function versionOf(name: PackageName): string {
  return isPython(name) ? pythonVersionOf(name) : npm.versionOf(name);
}

/** Installs a package unless it is there already; resolves to whether it was not. */
export function install(name: PackageName): Promise<boolean> {
  return isPython(name) ? installPython(name) : npm.install(name);
}

/** The exact version of a dev dependency of this project. */
export async function installedVersion(dependency: string): Promise<string> {
  const manifest = await readFile(join(PROJECT_ROOT, 'node_modules', dependency, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
