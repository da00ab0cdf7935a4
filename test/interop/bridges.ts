/** Bridges between the transports: a client of the SDK on one side, this server on the other. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connectHttp, connectStdio, type ClientKind, type TestClient } from '../support/clients.ts';
import { canConnect, freePort } from '../support/ports.ts';
import { childEnv } from '../support/process.ts';
import { ALL_BUT_PROGRESS, exercise, FEATURES, slugifyOf, type Era, type InteropClient, type Stage } from './client.ts';
import { bin, versionOf } from './packages.ts';
import { startProgram } from './program.ts';
import { driverOf } from './sdk.ts';

interface Bridge {
  package: 'supergateway' | 'mcp-proxy';
  mode: string;
  era: Era;
  /** What it speaks to this server. */
  transport: InteropClient['transport'];
  shows: InteropClient['shows'];
  note: string;
  connect: (stage: Stage) => Promise<TestClient>;
}

/** What one says when it listens, and the other when it is about to. */
const STARTS = /listening on port|starting server on port/i;

const SUPERGATEWAY_NOTE =
  'works for a client of the SDK here, on the other transport. To a server that speaks HTTP it speaks the 2025 revisions ' +
  'only, and passes no progress on';
const MCP_PROXY_NOTE =
  'starts a stdio server, and a client of the SDK calls it over HTTP here; it has no way to a server that speaks HTTP';

const supergatewayToHttp: Bridge = {
  package: 'supergateway',
  mode: 'for the v1 client',
  era: 'legacy',
  transport: 'HTTP',
  shows: ALL_BUT_PROGRESS,
  note: SUPERGATEWAY_NOTE,
  async connect({ t, url, folder }) {
    const args = [bin('supergateway', 'supergateway'), '--streamableHttp', url];
    return connectStdio(t, 'v1', { command: process.execPath, args, env: childEnv({ HOME: folder }) });
  },
};

const supergatewayToStdio = (
  [
    { kind: 'v1', mode: 'for the v1 client', era: 'legacy' },
    { kind: 'v2 pinned', mode: 'for the v2 client', era: 'modern' },
  ] as const
).map(({ kind, mode, era }): Bridge => ({
  package: 'supergateway',
  mode,
  era,
  transport: 'stdio',
  shows: FEATURES,
  note: SUPERGATEWAY_NOTE,
  async connect(stage) {
    const { command, args } = stage.command;
    const stdio = [command, ...args].map((word) => `"${word}"`).join(' ');
    const options = ['--stdio', stdio, '--outputTransport', 'streamableHttp', '--stateful'];
    return connectTo(stage, kind, 'supergateway', options);
  },
}));

const mcpProxy = (['legacy', 'auto'] as const).map((mode): Bridge => ({
  package: 'mcp-proxy',
  mode: `--upstreamProtocol ${mode}`,
  era: mode === 'legacy' ? 'legacy' : 'modern',
  transport: 'stdio',
  shows: FEATURES,
  note: MCP_PROXY_NOTE,
  async connect(stage) {
    const { command, args } = stage.command;
    const options = ['--host', '127.0.0.1', '--upstreamProtocol', mode, '--', command, ...args];
    return connectTo(stage, mode === 'legacy' ? 'v1' : 'v2 pinned', 'mcp-proxy', options);
  },
}));

export const BRIDGE_CLIENTS = [supergatewayToHttp, ...supergatewayToStdio, ...mcpProxy].map(
  ({ package: name, connect, ...bridge }): InteropClient => ({
    ...bridge,
    name,
    version: versionOf(name),
    needs: ['node 24', name],
    async run(stage) {
      const client = await connect(stage);
      await exercise(driverOf(client), stage.saw);
      await client.close();
    },
    ...(bridge.transport === 'HTTP' && {
      reconnecting: 'its client starts it anew',
      stay: async (stage: Stage) => slugifyOf(driverOf(await connect(stage))),
    }),
  }),
);

/** Starts a bridge that serves HTTP, and connects when it listens. */
async function connectTo(
  stage: Stage,
  kind: ClientKind,
  name: Bridge['package'],
  options: string[],
): Promise<TestClient> {
  const port = await freePort();
  const { stdout, stderr, ended } = startProgram(stage, bin(name, name), ['--port', String(port), ...options]);
  await Promise.any([stdout.match(STARTS), stderr.match(STARTS)]);
  // Then it is a moment until it does.
  while (!(await canConnect(port))) await Promise.race([nextTurn(), ended]);
  return connectHttp(stage.t, kind, `http://127.0.0.1:${port}/mcp`);
}
