/** Client libraries that `hosted.ts` drives in processes of their own: those for a newer Node.js, and those in Python. */
import { fileURLToPath } from 'node:url';
import {
  ALL_BUT_PROGRESS,
  exercise,
  FEATURES,
  slugifyOf,
  type Driver,
  type Era,
  type InteropClient,
  type Stage,
} from './client.ts';
import { startHosted } from './hosted.ts';
import type { LibraryName } from './hosted-libraries.ts';
import { bin, folderOf, versionOf, type PackageName } from './packages.ts';
import { pythonOf } from './python-packages.ts';

const LIBRARY_HOST = fileURLToPath(new URL('library-host.ts', import.meta.url));
const PYTHON_HOST = fileURLToPath(new URL('python-client.py', import.meta.url));

/** A library in one of its modes. */
interface Hosted {
  name: string;
  package: PackageName;
  mode?: string;
  era: Era;
  showsProgress: boolean;
  note?: string;
  /** How to start the process; the target is its last argument. */
  host(): { command: string; args: string[]; env?: Record<string, string> };
}

const NO_PROGRESS = 'does not ask for progress';

function inNode(library: Omit<Hosted, 'host'> & { package: LibraryName }): Hosted {
  const { package: name, mode = '' } = library;
  return {
    ...library,
    host: () => ({
      command: bin('node 24', 'node'),
      args: ['--experimental-import-meta-resolve', LIBRARY_HOST, name, mode, folderOf(name)],
      env: { MASTRA_TELEMETRY_DISABLED: '1', MCP_USE_ANONYMIZED_TELEMETRY: 'false' },
    }),
  };
}

function inPython(library: Omit<Hosted, 'host'> & { package: 'mcp' | 'fastmcp'; mode: string }): Hosted {
  const { package: name, mode } = library;
  return { ...library, host: () => ({ command: pythonOf(name), args: [PYTHON_HOST, name, mode] }) };
}

const LIBRARIES: readonly Hosted[] = [
  inNode({ name: 'mcporter', package: 'mcporter', era: 'legacy', showsProgress: false, note: NO_PROGRESS }),
  inNode({ name: 'mcp-use', package: 'mcp-use', era: 'legacy', showsProgress: true }),
  inNode({ name: 'mcp-client', package: 'mcp-client', era: 'legacy', showsProgress: true }),
  inNode({
    name: 'OpenAI Agents SDK',
    package: 'openai-agents',
    era: 'modern',
    showsProgress: false,
    note: NO_PROGRESS,
  }),
  inNode({ name: 'Mastra', package: 'mastra', mode: 'legacy', era: 'legacy', showsProgress: true }),
  inNode({ name: 'Mastra', package: 'mastra', mode: '2026-07-28', era: 'modern', showsProgress: true }),
  inNode({ name: 'LlamaIndex', package: 'llamaindex', era: 'legacy', showsProgress: false, note: NO_PROGRESS }),
  inNode({ name: 'Strands Agents', package: 'strands', era: 'legacy', showsProgress: false, note: NO_PROGRESS }),
  inPython({ name: 'Python SDK client', package: 'mcp', mode: 'legacy', era: 'legacy', showsProgress: true }),
  inPython({ name: 'Python SDK client', package: 'mcp', mode: 'auto', era: 'modern', showsProgress: true }),
  inPython({ name: 'FastMCP client', package: 'fastmcp', mode: 'legacy', era: 'legacy', showsProgress: true }),
  inPython({ name: 'FastMCP client', package: 'fastmcp', mode: 'auto', era: 'modern', showsProgress: true }),
];

export const HOSTED_CLIENTS: readonly InteropClient[] = LIBRARIES.flatMap((library) =>
  (['HTTP', 'stdio'] as const).map((transport): InteropClient => {
    const connect = (stage: Stage): Promise<Driver> => {
      const { command, args } = stage.command;
      return startHosted(stage, library.host(), transport === 'HTTP' ? { url: stage.url } : { command, args });
    };
    return {
      name: library.name,
      ...(library.mode !== undefined && { mode: library.mode }),
      version: versionOf(library.package),
      era: library.era,
      transport,
      shows: library.showsProgress ? FEATURES : ALL_BUT_PROGRESS,
      ...(library.note !== undefined && { note: library.note }),
      needs: ['node 24', library.package],
      run: async (stage) => exercise(await connect(stage), stage.saw),
      ...(transport === 'HTTP' && {
        reconnecting: 'its program makes a new client',
        stay: async (stage: Stage) => slugifyOf(await connect(stage)),
      }),
    };
  }),
);
