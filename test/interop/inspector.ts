/** The MCP Inspector on the command line: a process for each question. */
import { ALL_BUT_PROGRESS, exercise, type InteropClient, type Stage } from './client.ts';
import { bin, versionOf, type NpmPackage } from './packages.ts';
import { runProgram } from './program.ts';

const MODES = [
  { package: 'inspector', mode: 'legacy', era: 'legacy' },
  { package: 'inspector', mode: 'auto', era: 'modern' },
  { package: 'inspector', mode: 'modern', era: 'modern' },
  // It knows of one era only.
  { package: 'inspector 0', mode: undefined, era: 'legacy' },
] as const;

export const INSPECTORS: readonly InteropClient[] = MODES.flatMap(({ package: name, mode, era }) =>
  (['HTTP', 'stdio'] as const).map((transport) => ({
    name: 'MCP Inspector --cli',
    ...(mode !== undefined && { mode }),
    version: versionOf(name),
    era,
    transport,
    shows: ALL_BUT_PROGRESS,
    note: 'does not ask for progress',
    needs: ['node 24', name],
    async run(stage: Stage) {
      const { url, command } = stage;
      const target = transport === 'HTTP' ? [url] : [command.command, ...command.args];
      const options = mode === undefined ? [] : ['--protocol-era', mode];
      await drive(stage, name, [...target, ...options]);
    },
  })),
);

async function drive(stage: Stage, name: NpmPackage, target: string[]): Promise<void> {
  const inspect = async (...args: string[]) => {
    const { stdout } = await runProgram(stage, bin(name, 'mcp-inspector'), ['--cli', ...target, '--method', ...args]);
    return JSON.parse(stdout) as { tools?: { name: string }[]; structuredContent?: unknown };
  };
  const driver = {
    listTools: async () => (await inspect('tools/list')).tools?.map((tool) => tool.name) ?? [],
    call: async (tool: string, args: Record<string, unknown>) => {
      const values = Object.entries(args).map(
        ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      return (await inspect('tools/call', '--tool-name', tool, '--tool-arg', ...values)).structuredContent;
    },
  };
  await exercise(driver, stage.saw);
}
