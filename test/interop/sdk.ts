/** The clients of both generations of the SDK, alone and behind mcp-remote. */
import { join } from 'node:path';
import { connectHttp, connectStdio, type ClientKind, type TestClient } from '../support/clients.ts';
import { childEnv } from '../support/process.ts';
import { exercise, FEATURES, slugifyOf, type Driver, type InteropClient, type Stage } from './client.ts';
import { bin, installedVersion, versionOf } from './packages.ts';

const V1 = await installedVersion('@modelcontextprotocol/sdk');
const V2 = await installedVersion('@modelcontextprotocol/client');

const KINDS = [
  { kind: 'v1', product: { name: 'TypeScript SDK v1 client', version: V1 }, era: 'legacy' },
  { kind: 'v2 legacy', product: { name: 'TypeScript SDK v2 client', mode: 'legacy', version: V2 }, era: 'legacy' },
  { kind: 'v2 auto', product: { name: 'TypeScript SDK v2 client', mode: 'auto', version: V2 }, era: 'modern' },
  { kind: 'v2 pinned', product: { name: 'TypeScript SDK v2 client', mode: 'pinned', version: V2 }, era: 'modern' },
] as const;

const alone = KINDS.flatMap(({ kind, product, era }) =>
  (['HTTP', 'stdio'] as const).map((transport): InteropClient => ({
    ...product,
    era,
    transport,
    shows: FEATURES,
    needs: [],
    async run({ t, url, command, saw }) {
      await drive(transport === 'HTTP' ? await connectHttp(t, kind, url) : await connectStdio(t, kind, command), saw);
    },
    ...(transport === 'HTTP' && {
      reconnecting: 'its program makes a new client',
      stay: async ({ t, url }: Stage) => slugifyOf(driverOf(await connectHttp(t, kind, url))),
    }),
  })),
);

const behindMcpRemote = (
  [
    { kind: 'v1', mode: 'for the v1 client', era: 'legacy' },
    { kind: 'v2 pinned', mode: 'for the v2 client', era: 'modern' },
  ] as const
).map(({ kind, mode, era }): InteropClient => ({
  name: 'mcp-remote',
  mode,
  version: versionOf('mcp-remote'),
  era,
  transport: 'HTTP',
  shows: FEATURES,
  note: 'speaks stdio with the SDK client that it works for',
  needs: ['mcp-remote'],
  run: async (stage) => drive(await connectBehindMcpRemote(kind, stage), stage.saw),
  stay: async (stage) => slugifyOf(driverOf(await connectBehindMcpRemote(kind, stage))),
}));

export const SDK_CLIENTS: readonly InteropClient[] = [...alone, ...behindMcpRemote];

function connectBehindMcpRemote(kind: ClientKind, { t, url, folder }: Stage): Promise<TestClient> {
  const env = childEnv({ HOME: folder, MCP_REMOTE_CONFIG_DIR: join(folder, 'mcp-remote') });
  return connectStdio(t, kind, { command: process.execPath, args: [bin('mcp-remote', 'mcp-remote'), url], env });
}

async function drive(client: TestClient, saw: Stage['saw']): Promise<void> {
  await exercise(driverOf(client), saw);
  await client.close();
}

/** A client of the SDK, as the runner drives it. */
export function driverOf(client: TestClient): Driver {
  return {
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args, seen) {
      const result = await client.call(name, args, { onprogress: ({ progress }) => seen(progress) });
      return result.structuredContent;
    },
  };
}
