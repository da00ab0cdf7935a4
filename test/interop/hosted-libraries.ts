/** How to work client libraries that need a newer Node.js than this project; `library-host.ts` runs them. */

/** Where the server is. */
export type Target = { url: string } | { command: string; args: string[] };

/** A library that has connected. */
export interface Library {
  list: () => Promise<string[]>;
  /** Calls a tool; resolves to its structured content. */
  call: (name: string, args: Record<string, unknown>, onProgress: (progress: number) => void) => Promise<unknown>;
}

type Load = (specifier: string) => Promise<unknown>;
/** @param mode - For a library that has several. */
type Connect = (load: Load, target: Target, mode: string) => Promise<Library>;

/** The name of the server in every configuration. */
const SERVER = 'server';

/** What tools return, and libraries pass on. */
interface Result {
  structuredContent?: unknown;
}
interface Named {
  name: string;
}

/** Its structured content, or all of it if it has none. */
const contentOf = (result: Result): unknown => result.structuredContent ?? result;
const namesOf = (tools: readonly Named[]) => tools.map(({ name }) => name);

/** A tool by its name; libraries put the server's before it. */
function find<T>(tools: Record<string, T>, name: string): T {
  const found = Object.entries(tools).find(([key]) => key === name || key === `${SERVER}_${name}`);
  if (found === undefined) throw new Error(`No ${name} among ${Object.keys(tools).join(', ')}`);
  return found[1];
}

const mcporter: Connect = async (load, target) => {
  const { createRuntime } = (await load('mcporter')) as {
    createRuntime: (options: object) => Promise<{
      listTools(server: string): Promise<Named[]>;
      callTool(server: string, tool: string, options: object): Promise<Result>;
    }>;
  };
  const command =
    'url' in target ? { kind: 'http', url: new URL(target.url) } : { kind: 'stdio', cwd: process.cwd(), ...target };
  const runtime = await createRuntime({ servers: [{ name: SERVER, command }] });
  return {
    list: async () => namesOf(await runtime.listTools(SERVER)),
    call: async (name, args) => contentOf(await runtime.callTool(SERVER, name, { args })),
  };
};

const mcpUse: Connect = async (load, target) => {
  const { MCPClient } = (await load('mcp-use/client')) as {
    MCPClient: new (config: object) => {
      createSession(server: string): Promise<{
        listTools(): Promise<Named[]>;
        callTool(tool: string, args: object, options: object): Promise<Result>;
      }>;
    };
  };
  const session = await new MCPClient({ mcpServers: { [SERVER]: target } }).createSession(SERVER);
  return {
    list: async () => namesOf(await session.listTools()),
    async call(name, args, onProgress) {
      const onprogress = ({ progress }: { progress: number }) => onProgress(progress);
      return contentOf(await session.callTool(name, args, { onprogress }));
    },
  };
};

const openAiAgents: Connect = async (load, target) => {
  interface Server {
    connect(): Promise<void>;
    listTools(): Promise<Named[]>;
    callToolResult(tool: string, args: object): Promise<Result>;
  }
  type Make = new (options: object) => Server;
  const { MCPServerStreamableHttp, MCPServerStdio } = (await load('@openai/agents')) as Record<
    'MCPServerStreamableHttp' | 'MCPServerStdio',
    Make
  >;
  // Its five seconds may be too short on a busy machine.
  const options = { ...target, clientSessionTimeoutSeconds: 60 };
  const server = new ('url' in target ? MCPServerStreamableHttp : MCPServerStdio)(options);
  await server.connect();
  return {
    list: async () => namesOf(await server.listTools()),
    call: async (name, args) => contentOf(await server.callToolResult(name, args)),
  };
};

const mastra: Connect = async (load, target, mode) => {
  const { MCPClient } = (await load('@mastra/mcp')) as {
    MCPClient: new (options: object) => {
      listTools(): Promise<Record<string, { execute(args: object, context: object): Promise<unknown> }>>;
      progress: { onUpdate(server: string, listener: (update: { progress: number }) => void): Promise<void> };
    };
  };
  const server = 'url' in target ? { url: new URL(target.url) } : target;
  const client = new MCPClient({
    servers: { [SERVER]: { ...server, enableProgressTracking: true, protocolVersion: mode } },
  });
  let onUpdate: (progress: number) => void = () => {};
  await client.progress.onUpdate(SERVER, ({ progress }) => onUpdate(progress));
  const tools = await client.listTools();
  return {
    list: async () => Object.keys(await client.listTools()).map((name) => name.slice(SERVER.length + 1)),
    async call(name, args, onProgress) {
      onUpdate = onProgress;
      return find(tools, name).execute(args, {});
    },
  };
};

const llamaIndex: Connect = async (load, target) => {
  interface Tool {
    metadata: Named;
    call(args: object): Promise<Result>;
  }
  const { mcp } = (await load('@llamaindex/tools')) as { mcp: (options: object) => { tools(): Promise<Tool[]> } };
  const client = mcp(target);
  const tools = Object.fromEntries((await client.tools()).map((tool) => [tool.metadata.name, tool]));
  return {
    list: async () => Object.keys(tools),
    call: async (name, args) => contentOf(await find(tools, name).call(args)),
  };
};

const strands: Connect = async (load, target) => {
  interface Client {
    listTools(): Promise<Named[]>;
    callTool(tool: Named, args: object): Promise<Result>;
  }
  const { McpClient } = (await load('@strands-agents/sdk')) as {
    McpClient: { loadServers(servers: object): Promise<Client[]> };
  };
  const [client] = await McpClient.loadServers({ [SERVER]: target });
  if (client === undefined) throw new Error('It has no client');
  const tools = Object.fromEntries((await client.listTools()).map((tool) => [tool.name, tool]));
  return {
    list: async () => namesOf(await client.listTools()),
    call: async (name, args) => contentOf(await client.callTool(find(tools, name), args)),
  };
};

const mcpClient: Connect = async (load, target) => {
  const { MCPClient } = (await load('mcp-client')) as {
    MCPClient: new (info: object) => {
      connect(options: object): Promise<void>;
      getAllTools(): Promise<Named[]>;
      callTool(call: object, options: object): Promise<Result>;
    };
  };
  const client = new MCPClient({ name: 'interop', version: '1.0.0' });
  await client.connect({ type: 'url' in target ? 'httpStream' : 'stdio', ...target });
  return {
    list: async () => namesOf(await client.getAllTools()),
    async call(name, args, onProgress) {
      const requestOptions = { onProgress: ({ progress }: { progress: number }) => onProgress(progress) };
      return contentOf(await client.callTool({ name, arguments: args }, { requestOptions }));
    },
  };
};

/** Every library, by the name of its package in `packages.ts`. */
export const HOSTED_LIBRARIES = {
  mcporter,
  'mcp-use': mcpUse,
  'openai-agents': openAiAgents,
  mastra,
  llamaindex: llamaIndex,
  strands,
  'mcp-client': mcpClient,
} satisfies Record<string, Connect>;

export type LibraryName = keyof typeof HOSTED_LIBRARIES;
