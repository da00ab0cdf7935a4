/** The MCP clients of agent libraries, without the agents. */
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
import { load, versionOf } from './packages.ts';

/** What is used of `@ai-sdk/mcp`. */
interface AiSdk {
  createMCPClient: (options: { transport: unknown; protocolVersionDiscovery: boolean }) => Promise<{
    tools(): Promise<
      Record<string, { execute(args: object, options: object): Promise<{ structuredContent: unknown }> }>
    >;
    close(): Promise<void>;
  }>;
}
interface AiSdkStdio {
  Experimental_StdioMCPTransport: new (server: Stage['command']) => unknown;
}

const AI_SDK_NOTE =
  'does not ask for progress. Over stdio, with discovery, it gives a server one second before it takes it for one ' +
  'of the 2025 revisions, so what it speaks then depends on the machine';

const aiSdk = (
  [
    { transport: 'HTTP', era: 'modern' },
    { transport: 'HTTP', era: 'legacy' },
    { transport: 'stdio', era: 'legacy' },
  ] as const
).map(({ transport, era }): InteropClient => ({
  name: 'Vercel AI SDK',
  mode: `${era === 'modern' ? 'with' : 'without'} discovery`,
  version: versionOf('ai-sdk'),
  era,
  transport,
  shows: ALL_BUT_PROGRESS,
  note: AI_SDK_NOTE,
  needs: ['ai-sdk'],
  run: async (stage) => exercise(await driveAiSdk(stage, transport, era), stage.saw),
  ...(transport === 'HTTP' && {
    reconnecting: 'its program makes a new client',
    stay: async (stage: Stage) => slugifyOf(await driveAiSdk(stage, transport, era)),
  }),
}));

async function driveAiSdk({ t, url, command }: Stage, transport: 'HTTP' | 'stdio', era: Era): Promise<Driver> {
  const { createMCPClient } = (await load('ai-sdk', '@ai-sdk/mcp')) as AiSdk;
  const { Experimental_StdioMCPTransport: Stdio } = (await load('ai-sdk', '@ai-sdk/mcp/mcp-stdio')) as AiSdkStdio;
  const client = await createMCPClient({
    transport: transport === 'HTTP' ? { type: 'http', url } : new Stdio(command),
    protocolVersionDiscovery: era === 'modern',
  });
  t.after(() => client.close());
  const tools = await client.tools();
  return {
    listTools: async () => Object.keys(tools),
    async call(name, args) {
      const result = await tools[name]?.execute(args, { messages: [], toolCallId: '1' });
      return result?.structuredContent ?? result;
    },
  };
}

/** What is used of `@langchain/mcp-adapters`. */
interface LangChain {
  MultiServerMCPClient: new (options: { onProgress: (progress: { progress: number }) => void; mcpServers: object }) => {
    getTools(): Promise<{ name: string; invoke(args: object): Promise<{ structuredContent: unknown }> }[]>;
    close(): Promise<void>;
  };
}

const langChain = (['HTTP', 'stdio'] as const).map((transport): InteropClient => ({
  name: 'LangChain MCP adapters',
  version: versionOf('langchain'),
  era: 'legacy',
  transport,
  shows: FEATURES,
  needs: ['langchain'],
  run: async (stage) => exercise(await driveLangChain(stage, transport), stage.saw),
  ...(transport === 'HTTP' && {
    reconnecting: 'its program makes a new client',
    stay: async (stage: Stage) => slugifyOf(await driveLangChain(stage, transport)),
  }),
}));

async function driveLangChain({ t, url, command }: Stage, transport: 'HTTP' | 'stdio'): Promise<Driver> {
  const { MultiServerMCPClient } = (await load('langchain', '@langchain/mcp-adapters')) as LangChain;
  let onProgress: (progress: number) => void = () => {};
  const client = new MultiServerMCPClient({
    onProgress: ({ progress }) => onProgress(progress),
    mcpServers: {
      'hono-mcp-server': transport === 'HTTP' ? { transport: 'http', url } : { transport: 'stdio', ...command },
    },
  });
  t.after(() => client.close());
  const tools = await client.getTools();
  return {
    listTools: async () => tools.map(({ name }) => name),
    async call(name, args, seen) {
      onProgress = seen;
      return (await tools.find((tool) => tool.name === name)?.invoke(args))?.structuredContent;
    },
  };
}

export const LIBRARIES: readonly InteropClient[] = [...aiSdk, ...langChain];
